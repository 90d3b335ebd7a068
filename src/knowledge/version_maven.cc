// Maven's order of versions, as the POM reference describes it ("Version Order Specification"): numbers, qualifiers with an order of their own, and lists that
// a dash or a change between digits and letters opens.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "knowledge/version.h"
#include "knowledge/version_text.h"

namespace careen {
namespace {

using namespace version_text;

struct Item {
  enum Kind : uint8_t { number, word, list } kind = number;
  std::string text;         // number: its digits; word: the qualifier
  std::vector<Item> items;  // list
};

// "" is the release itself; a qualifier that is not named is after them all.
int rank(const std::string& word) {
  static constexpr std::array<std::string_view, 7> kOrder{"alpha", "beta", "milestone", "rc", "snapshot", "", "sp"};
  for (size_t i = 0; i < kOrder.size(); ++i)
    if (kOrder[i] == word) return static_cast<int>(i);
  return static_cast<int>(kOrder.size());
}
constexpr int kRelease = 5;

int compare_words(const std::string& a, const std::string& b) {
  int x = rank(a), y = rank(b);
  if (x != y) return x < y ? -1 : 1;
  return x < 7 ? 0 : sign(a.compare(b));
}

bool is_null(const Item& i) {
  switch (i.kind) {
    case Item::number:
      return i.text.find_first_not_of('0') == std::string::npos;
    case Item::word:
      return rank(i.text) == kRelease;
    case Item::list:
      return i.items.empty();
  }
  return false;
}

int compare_to_nothing(const Item& i) {
  switch (i.kind) {
    case Item::number:
      return is_null(i) ? 0 : 1;
    case Item::word:
      return sign(rank(i.text) - kRelease);
    case Item::list:
      for (const Item& item : i.items)
        if (int c = compare_to_nothing(item); c != 0) return c;
      return 0;
  }
  return 0;
}

int compare(const Item& a, const Item& b) {
  if (a.kind != b.kind) {
    // A number is after a list, a list after a word.
    auto weight = [](const Item& i) { return i.kind == Item::number ? 2 : i.kind == Item::list ? 1 : 0; };
    return weight(a) < weight(b) ? -1 : 1;
  }
  if (a.kind == Item::number) return compare_digits(a.text, b.text);
  if (a.kind == Item::word) return compare_words(a.text, b.text);
  for (size_t i = 0; i < std::max(a.items.size(), b.items.size()); ++i) {
    int c = i >= a.items.size() ? -compare_to_nothing(b.items[i]) : i >= b.items.size() ? compare_to_nothing(a.items[i]) : compare(a.items[i], b.items[i]);
    if (c != 0) return c;
  }
  return 0;
}

std::string qualifier(std::string_view word, bool before_digit) {
  if (before_digit && word.size() == 1) {
    if (word == "a") return "alpha";
    if (word == "b") return "beta";
    if (word == "m") return "milestone";
  }
  if (word == "ga" || word == "final" || word == "release") return "";
  return word == "cr" ? "rc" : std::string(word);
}

// What says nothing at the end of a list, and before a list in it, is left out: 1.0.0 is 1, 1.0-ga is 1, 1-ga-1 is 1-1.
void normalise(Item& list, bool outermost) {
  for (size_t i = list.items.size(); i-- > 0;) {
    if (is_null(list.items[i]))
      list.items.erase(list.items.begin() + static_cast<std::ptrdiff_t>(i));
    else if (list.items[i].kind != Item::list)
      break;
  }
  if (!outermost && list.items.size() == 1 && list.items[0].kind == Item::list) {
    std::vector<Item> inner = std::move(list.items[0].items);
    list.items = std::move(inner);
  }
}

class Parser {
 public:
  explicit Parser(std::string_view s) : s_(s) {}

  Item run() {
    lists_.emplace_back();
    lists_.back().kind = Item::list;
    for (; at_ < s_.size(); ++at_) {
      char c = s_[at_];
      if (c == '.' || c == '-') {
        end_of_part(false);
        start_ = at_ + 1;
        if (c == '-') open();
      } else if (digit(c) != in_digits_) {
        if (at_ > start_) {
          end_of_part(digit(c));
          start_ = at_;
          open();
        }
        in_digits_ = digit(c);
      }
    }
    if (s_.size() > start_) end_of_part(false);
    while (lists_.size() > 1) {
      normalise(lists_.back(), false);
      Item list = std::move(lists_.back());
      lists_.pop_back();
      lists_.back().items.push_back(std::move(list));
    }
    normalise(lists_[0], true);
    return std::move(lists_[0]);
  }

 private:
  void open() {
    if (lists_.back().items.empty() && lists_.size() > 1) return;
    lists_.emplace_back();
    lists_.back().kind = Item::list;
  }
  void end_of_part(bool before_digit) {
    std::string_view part = s_.substr(start_, at_ - start_);
    if (part.empty()) {
      lists_.back().items.push_back({Item::number, "0", {}});
    } else if (in_digits_) {
      lists_.back().items.push_back({Item::number, std::string(part), {}});
    } else {
      if (!lists_.back().items.empty()) open();  // .X means -X
      lists_.back().items.push_back({Item::word, qualifier(part, before_digit), {}});
    }
  }

  std::string_view s_;
  size_t at_ = 0, start_ = 0;
  bool in_digits_ = false;
  std::vector<Item> lists_;  // the outermost first; each is the last item of the one before it
};

}  // namespace

std::optional<int> compare_maven(std::string_view a, std::string_view b) {
  std::string la = lower(a), lb = lower(b);
  if (la.empty() || lb.empty() || la.size() > kMaxVersion || lb.size() > kMaxVersion) return std::nullopt;
  return compare(Parser(la).run(), Parser(lb).run());
}

}  // namespace careen
