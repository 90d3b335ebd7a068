#include <algorithm>
#include <set>

#include "base/text.h"
#include "formats/image_uses.h"

namespace careen {
namespace {

// Splits a Dockerfile into instructions: lines that end in the escape character go on, comments and the bodies of here-documents
// are no instructions.
class Instructions {
 public:
  explicit Instructions(std::string_view text) : rest_(text) {
    std::string_view first = trim(text.substr(0, text.find('\n')));
    if (lower(first).starts_with("# escape=") && first.ends_with('`')) escape_ = '`';
  }

  bool next(std::string* instruction, int* line) {
    instruction->clear();
    bool open = false;
    while (!rest_.empty()) {
      std::string_view one = take_line();
      std::string_view body = trim(one);
      if (body.starts_with('#') || (body.empty() && open)) continue;  // also between continued lines
      if (body.empty()) continue;
      if (!open) *line = number_;
      open = body.ends_with(escape_);
      if (open) body.remove_suffix(1);
      *instruction += std::string(body) + " ";
      if (instruction->size() > (1 << 20)) open = false;
      if (open) continue;
      skip_here_documents(*instruction);
      return true;
    }
    return !instruction->empty();
  }

 private:
  std::string_view take_line() {
    size_t end = rest_.find('\n');
    std::string_view one = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++number_;
    return one;
  }

  void skip_here_documents(const std::string& instruction) {
    std::string word = lower(instruction.substr(0, instruction.find(' ')));
    if (word != "run" && word != "copy" && word != "add") return;
    for (size_t at = 0; (at = instruction.find("<<", at)) != std::string::npos;) {
      at += 2;
      bool tabs = at < instruction.size() && instruction[at] == '-';
      if (tabs) ++at;
      if (at < instruction.size() && (instruction[at] == '"' || instruction[at] == '\'')) ++at;
      size_t end = at;
      while (end < instruction.size() && (std::isalnum(static_cast<unsigned char>(instruction[end])) != 0 || instruction[end] == '_')) ++end;
      std::string mark = instruction.substr(at, end - at);
      at = end;
      if (mark.empty() || std::isdigit(static_cast<unsigned char>(mark[0])) != 0 || endless_.contains(mark)) continue;
      std::string_view before = rest_;
      int number = number_;
      bool ended = false;
      while (!rest_.empty() && !ended) ended = trim(take_line()) == mark;
      if (!ended) rest_ = before, number_ = number, endless_.insert(mark);  // no here-document after all: what follows are instructions
    }
  }

  std::string_view rest_;
  char escape_ = '\\';
  int number_ = 0;
  std::set<std::string> endless_;  // marks that no line further down is
};

class Dockerfile {
 public:
  Dockerfile(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  ImageUses read() {
    syntax();
    Instructions all(text_);
    std::string one;
    for (int line = 0; all.next(&one, &line);) instruction(one, line);
    return std::move(out_);
  }

 private:
  // # syntax=docker/dockerfile:1 names the image that builds the file.
  void syntax() {
    int line = 0;
    each_line(text_, [&](std::string_view one) {
      ++line;
      one = trim(one);
      if (!one.starts_with('#')) return false;
      one = trim(one.substr(1));
      if (lower(one).starts_with("syntax=")) use(trim(one.substr(7)), line, {});
      return true;
    });
  }

  void instruction(const std::string& text, int line) {
    auto words = words_of(text);
    if (words.empty()) return;
    std::string verb = lower(words[0]);
    if (verb == "onbuild" && words.size() > 1) {
      words.erase(words.begin());
      verb = lower(words[0]);
    }
    if (verb == "arg") arg(words);
    if (verb == "from") from(words, line);
    if (verb == "copy" || verb == "add")
      for (const std::string& w : words)
        if (w.starts_with("--from=")) other(w.substr(7), line);
    if (verb == "run")
      for (const std::string& w : words)
        if (w.starts_with("--mount="))
          for (std::string_view part : split(std::string_view(w).substr(8), ','))
            if (part.starts_with("from=")) other(std::string(part.substr(5)), line);
  }

  static std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> out;
    for (std::string_view w : split(text, ' '))
      for (std::string_view v : split(w, '\t'))
        if (!trim(v).empty()) out.emplace_back(trim(v));
    return out;
  }
  static std::string unquoted(std::string s) {
    if (s.size() >= 2 && (s[0] == '"' || s[0] == '\'') && s.back() == s[0]) s = s.substr(1, s.size() - 2);
    return s;
  }

  // Those before the first FROM hold for every FROM; later ones do not.
  void arg(const std::vector<std::string>& words) {
    if (in_stage_) return;
    for (size_t i = 1; i < words.size(); ++i) {
      size_t eq = words[i].find('=');
      std::string value;
      if (eq != std::string::npos && expand_variables(unquoted(words[i].substr(eq + 1)), known_, &value)) known_.push_back({words[i].substr(0, eq), value});
    }
  }

  void from(const std::vector<std::string>& words, int line) {
    in_stage_ = true;
    size_t i = 1;
    while (i < words.size() && words[i].starts_with("--")) ++i;
    if (i >= words.size()) return gap(line, "FROM names no image");
    std::string image = words[i];
    if (!stages_.contains(lower(image)) && image != "scratch") use(unquoted(image), line, known_);
    if (i + 2 < words.size() && lower(words[i + 1]) == "as") stages_.insert(lower(words[i + 2]));
  }

  // COPY --from=, RUN --mount=from=: a stage by its name or number, or an image. Variables are not replaced there by older builders.
  void other(const std::string& name, int line) {
    bool number = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
    if (!number && !stages_.contains(lower(name)) && name != "scratch") use(unquoted(name), line, known_);
  }

  void use(std::string_view image, int line, const std::vector<Variable>& known) {
    ImageUse u;
    if (!expand_variables(image, known, &u.reference) || u.reference.empty())
      return gap(line, "the image " + std::string(image) + " depends on a variable that is not set here");
    u.file = file_;
    u.line = line;
    if (!stages_.contains(lower(u.reference)) && u.reference != "scratch" && out_.uses.size() < kMaxUses) out_.uses.push_back(std::move(u));
  }
  void gap(int line, const std::string& why) {
    if (out_.gaps.size() < 1000) out_.gaps.push_back({file_ + ":" + std::to_string(line), why});
  }

  std::string_view text_;
  std::string file_;
  std::vector<Variable> known_;
  std::set<std::string> stages_;
  bool in_stage_ = false;
  ImageUses out_;
};

}  // namespace

ImageUses uses_in_dockerfile(std::string_view text, const std::string& file) {
  return Dockerfile(text, file).read();
}

}  // namespace careen
