#include "detect/shell.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace careen {
namespace {

constexpr size_t kMaxWord = 4096;
constexpr size_t kMaxValue = 16 << 10;  // a word with its variables put in
constexpr size_t kMaxShifts = 8, kMaxWords = 1000;
constexpr int kMaxSubstitutions = 8;

// A word with its variables still in it, and whether any stood outside single quotes.
struct Word {
  std::string text;
  bool expands = false, glob_or_sub = false, glob = false;
};

class Lexer {
 public:
  explicit Lexer(std::string_view s) : s_(s) {}

  // The next simple command's words; false at the end.
  bool next(std::vector<Word>& words) {
    words.clear();
    while (at_ < s_.size()) {
      char c = s_[at_];
      if (c == '#' && word_start()) {
        while (at_ < s_.size() && s_[at_] != '\n') ++at_;
      } else if (c == '\\' && at_ + 1 < s_.size() && s_[at_ + 1] == '\n') {
        at_ += 2;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '(' && s_.substr(at_, 2) == "((" && words.empty() && arithmetic()) {
      } else if (c == '(' && words.size() == 1 && function_brackets()) {
        functions_.insert(words[0].text);
        words.clear();
      } else if (c == ')' && depth_ == 0) {  // the end of a pattern of case
        ++at_;
        words.clear();
      } else if (c == '|' && depth_ == 0 && words.size() == 1 && pattern_ahead()) {
        words.clear();
      } else if (c == '\n' || c == ';' || c == '&' || c == '|' || c == '(' || c == ')') {
        bool redirect = c == '&' && at_ + 1 < s_.size() && s_[at_ + 1] == '>';
        ++at_;
        if (redirect) continue;
        if (c == '(') ++depth_;
        if (c == ')') --depth_;
        ever_fed_ |= piped_ || !heredocs_.empty();
        piped_ = c == '|' && !s_.substr(at_).starts_with('|') && !s_.substr(0, at_).ends_with("||");
        if (c == '\n' && !heredocs_.empty()) skip_heredocs();
        if (!words.empty()) return true;
      } else if (c == '<' || c == '>') {
        // A number right in front is a descriptor.
        if (!words.empty() && at_ > 0 && s_[at_ - 1] >= '0' && s_[at_ - 1] <= '9' && words.back().text.find_first_not_of("0123456789") == std::string::npos)
          words.pop_back();
        redirection();
      } else {
        words.push_back(word());
      }
    }
    ever_fed_ |= piped_;
    return !words.empty();
  }
  // Commands inside $(…) and `…`, which run as well.
  std::vector<std::string> take_substitutions() { return std::exchange(substitutions_, {}); }
  bool odd() const { return odd_; }  // a construct whose commands were not followed: <(…), $'…'

  bool ever_fed() const { return ever_fed_ || redirected_; }  // a command's input came from another, a file or a here-document
  bool cut() const { return cut_; }                           // a here-document or a quote without its end
  const std::set<std::string>& functions() const { return functions_; }

 private:
  // ((…)) on one line; else two subshells.
  bool arithmetic() {
    size_t end = s_.find("))", at_), line = s_.find('\n', at_);
    if (end == std::string_view::npos || end > line) return false;
    at_ = end + 2;
    return true;
  }
  // "()" behind a word: the definition of a function.
  bool function_brackets() {
    size_t close = s_.find_first_not_of(" \t", at_ + 1);
    if (close == std::string_view::npos || s_[close] != ')') return false;
    at_ = close + 1;
    return true;
  }
  // The other alternatives of a pattern of case, up to its bracket.
  bool pattern_ahead() {
    size_t end = s_.find_first_of(")(\n;&", at_);
    if (end == std::string_view::npos || s_[end] != ')') return false;
    at_ = end + 1;
    return true;
  }
  bool word_start() const { return at_ == 0 || std::string_view(" \t\n;&|()").find(s_[at_ - 1]) != std::string_view::npos; }

  void redirection() {
    bool here = s_.substr(at_, 2) == "<<" && s_.substr(at_, 3) != "<<<", tabs = s_.substr(at_, 3) == "<<-";
    redirected_ |= s_[at_] == '<' && s_.substr(at_, 2) != "<&";
    odd_ |= at_ + 1 < s_.size() && s_[at_ + 1] == '(';
    while (at_ < s_.size() && (s_[at_] == '<' || s_[at_] == '>' || s_[at_] == '&' || s_[at_] == '-')) ++at_;
    while (at_ < s_.size() && (s_[at_] == ' ' || s_[at_] == '\t')) ++at_;
    if (at_ < s_.size() && s_[at_] != '\n') {
      Word target = word();
      if (here) heredocs_.push_back({target.text, tabs});
    }
  }

  void skip_heredocs() {
    for (const auto& [end_word, tabs] : heredocs_) {
      bool ended = false;
      while (at_ < s_.size() && !ended) {
        size_t end = s_.find('\n', at_);
        std::string_view line = s_.substr(at_, end == std::string_view::npos ? end : end - at_);
        at_ = end == std::string_view::npos ? s_.size() : end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (tabs) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
        ended = line == end_word;
      }
      cut_ |= !ended;
    }
    heredocs_.clear();
  }

  Word word() {
    Word w;
    while (at_ < s_.size() && w.text.size() < kMaxWord) {
      char c = s_[at_];
      if (std::string_view(" \t\r\n;&|()<>").find(c) != std::string_view::npos) break;
      if (c == '\'') {
        size_t end = s_.find('\'', at_ + 1);
        std::string_view quoted = s_.substr(at_ + 1, end == std::string_view::npos ? end : end - at_ - 1);
        for (char q : quoted) w.text += q == '$' ? '\x01' : q;  // a dollar that is none
        cut_ |= end == std::string_view::npos;
        at_ = end == std::string_view::npos ? s_.size() : end + 1;
      } else if (c == '"') {
        ++at_;
        while (at_ < s_.size() && s_[at_] != '"') {
          if (s_[at_] == '\\' && at_ + 1 < s_.size())
            ++at_, w.text += s_[at_] == '$' ? '\x01' : s_[at_], ++at_;
          else if (s_[at_] == '`')
            backticks(w);
          else
            dollar_or_char(w);
        }
        cut_ |= at_ >= s_.size();
        ++at_;
      } else if (c == '\\' && at_ + 1 < s_.size()) {
        if (s_[at_ + 1] != '\n') w.text += s_[at_ + 1] == '$' ? '\x01' : s_[at_ + 1];
        at_ += 2;
      } else if (c == '`') {
        backticks(w);
      } else {
        dollar_or_char(w);
      }
    }
    if (w.text.size() >= kMaxWord)
      while (at_ < s_.size() && std::string_view(" \t\r\n").find(s_[at_]) == std::string_view::npos) ++at_;
    return w;
  }

  void backticks(Word& w) {
    size_t end = s_.find('`', at_ + 1);
    substitutions_.emplace_back(s_.substr(at_ + 1, end == std::string_view::npos ? end : end - at_ - 1));
    w.glob_or_sub = true;
    at_ = end == std::string_view::npos ? s_.size() : end + 1;
  }

  // A command's output: not known; its commands are followed by themselves. Brackets inside quotes do not count.
  void substitution(Word& w) {
    int depth = 0;
    size_t begin = at_ + 2;
    char quote = 0;
    for (++at_; at_ < s_.size(); ++at_) {
      char c = s_[at_];
      if (c == '\\') {
        ++at_;
      } else if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')' && --depth == 0) {
        break;
      }
    }
    cut_ |= at_ >= s_.size();
    if (begin < s_.size()) substitutions_.emplace_back(s_.substr(begin, std::min(at_, s_.size()) - begin));
    at_ = std::min(at_ + 1, s_.size());
    w.glob_or_sub = true;
  }

  void dollar_or_char(Word& w) {
    if (s_[at_] != '$') {
      if (s_[at_] == '?' || s_[at_] == '*' || (s_[at_] == '[' && s_.find(']', at_) < s_.find_first_of(" \t\n;", at_))) w.glob = true;
      w.text += s_[at_++];
      return;
    }
    if (s_.substr(at_, 3) == "$((") {
      if (size_t end = s_.find("))", at_); end != std::string_view::npos && end < s_.find('\n', at_)) {
        at_ = end + 2;
        w.glob_or_sub = true;
        return;
      }
    }
    if (s_.substr(at_, 2) == "$(") {
      substitution(w);
      return;
    }
    odd_ |= s_.substr(at_, 2) == "$'";
    w.expands = true;
    if (s_.substr(at_, 2) == "${") {
      size_t end = s_.find('}', at_);
      if (end == std::string_view::npos) end = s_.size() - 1;
      w.text += s_.substr(at_, end - at_ + 1);
      at_ = end + 1;
      return;
    }
    w.text += s_[at_++];
  }

  std::string_view s_;
  size_t at_ = 0;
  std::vector<std::pair<std::string, bool>> heredocs_;  // the word that ends each, and whether tabs before it are dropped
  std::set<std::string> functions_;
  int depth_ = 0;
  std::vector<std::string> substitutions_;
  bool piped_ = false, cut_ = false, redirected_ = false, odd_ = false, ever_fed_ = false;
};

bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_name(std::string_view s) {
  return !s.empty() && !(s[0] >= '0' && s[0] <= '9') &&
         s.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

class Script {
 public:
  Script(const std::vector<std::string>& arguments, std::map<std::string, std::string> variables, int depth = 0)
      : arguments_(arguments), variables_(std::move(variables)), depth_(depth) {}

  ScriptCommands run(std::string_view text) {
    Lexer lexer(text);
    std::vector<Word> words;
    bool more = true;
    while (more && out_.commands.size() < kMaxScriptCommands) {
      more = lexer.next(words);
      if (more) command(words, lexer);
      for (const std::string& inner : lexer.take_substitutions()) substituted(inner);
    }
    if (lexer.cut()) unknown("a here-document or a quote in it has no end");
    if (lexer.odd()) unknown("it uses <(…) or $'…'");
    // Which command a redirection feeds is not followed: a shell that would take any counts with each.
    if (reads_input_ && lexer.ever_fed()) unknown("a shell in it reads commands from elsewhere");
    if (out_.commands.size() >= kMaxScriptCommands) unknown("it has more than 5000 commands");
    return std::move(out_);
  }

 private:
  void substituted(const std::string& inner) {
    if (depth_ >= kMaxSubstitutions) return unknown("its substitutions are nested deeper than can be followed");
    Script s(arguments_, variables_, depth_ + 1);
    ScriptCommands c = s.run(inner);
    if (!c.complete) unknown(c.why);
    for (auto& one : c.commands)
      if (out_.commands.size() < kMaxScriptCommands) out_.commands.push_back(std::move(one));
  }

  void unknown(std::string why) {
    if (out_.complete) out_.why = std::move(why);
    out_.complete = false;
  }

  void command(std::vector<Word>& words, const Lexer& lexer) {
    static const std::set<std::string_view> kKeywords{"if", "then", "else", "elif",    "do",   "while",   "until",
                                                      "!",  "{",    "time", "command", "exec", "builtin", "coproc"};
    static const std::set<std::string_view> kSilent{"fi",     "done",     "esac",   "}",        "for",     "case",    "select", "in",  "[",     "[[",
                                                    "test",   "local",    "export", "readonly", "declare", "typeset", "unset",  "set", "shift", "return",
                                                    "break",  "continue", "echo",   "printf",   "true",    "false",   ":",      "cd",  "trap",  "umask",
                                                    "ulimit", "wait",     "read",   "getopts",  "alias",   "type",    "hash",   "let"};
    size_t i = 0;
    while (i < words.size()) {
      const std::string& t = words[i].text;
      size_t eq = t.find('=');
      if (eq != std::string::npos && is_name(std::string_view(t).substr(0, eq))) {
        assign(t.substr(0, eq), words[i], eq);
        ++i;
      } else if (eq != std::string::npos && eq > 1 && t[eq - 1] == '+' && is_name(std::string_view(t).substr(0, eq - 1))) {
        variables_.erase(t.substr(0, eq - 1));  // NAME+=…: put together bit by bit
        unknown_.insert(t.substr(0, eq - 1));
        ++i;
      } else if (kKeywords.contains(t)) {
        ++i;
        if (words[i - 1].text == "coproc" && i + 1 < words.size() && words[i + 1].text == "{") ++i;  // coproc NAME { …
        if (t == "exec" || t == "command")
          while (i < words.size() && words[i].text.starts_with('-')) i += words[i].text == "-a" ? 2 : 1;
      } else if (t == "function" && i + 1 < words.size()) {
        i += 2;
      } else {
        break;
      }
    }
    if (i >= words.size()) return;
    const std::string& head = words[i].text;
    if (kSilent.contains(head)) {
      if (head == "shift") shifted_ = true;
      if (head == "set") set_arguments(words, i + 1);
      if (head == "alias" && i + 1 < words.size()) unknown("it defines an alias");
      if (head == "trap" && i + 1 < words.size()) emit_text(words[words[i + 1].text == "--" && i + 2 < words.size() ? i + 2 : i + 1]);
      if (head == "cd") {
        moved_ = true;
        bool known = i + 1 < words.size() && !words[i + 1].glob_or_sub;
        auto to = known ? expand(words[i + 1], known) : std::vector<std::string>{};
        directory_ = known && to.size() == 1 && to[0].starts_with('/') ? to[0] : "";
      }
      if (head == "export" || head == "local" || head == "readonly" || head == "declare")
        for (size_t k = i + 1; k < words.size(); ++k)
          if (size_t eq = words[k].text.find('='); eq != std::string::npos) assign(words[k].text.substr(0, eq), words[k], eq);
      return;
    }
    // What shift has taken from the front of "$@" is not known: each possibility counts.
    size_t drops = shifted_ ? std::min(arguments_.size(), kMaxShifts) : 0;
    for (size_t drop = 0; drop <= drops; ++drop) emit(words, i, drop, lexer);
  }

  // A text that runs later, as a shell would run it.
  void emit_text(const Word& w) {
    bool known = !w.glob_or_sub;
    auto text = expand(w, known);
    if (!known || text.size() != 1) return unknown("a trap in it is known only when it runs");
    if (!text[0].empty() && text[0] != "-") substituted(text[0]);
  }

  void emit(const std::vector<Word>& words, size_t begin, size_t drop, const Lexer& lexer) {
    std::vector<std::string> out;
    bool known_head = true, all = false;
    for (size_t k = begin; k < words.size(); ++k) {
      if (out.size() >= kMaxWords) {
        unknown("a command in it has more than 1000 words");
        break;
      }
      bool known = !words[k].glob_or_sub;
      std::vector<std::string> expanded = expand(words[k], known);
      bool rest = is_all_arguments(words[k].text);
      all |= rest;
      if (rest) expanded.erase(expanded.begin(), expanded.begin() + static_cast<std::ptrdiff_t>(std::min(drop, expanded.size())));
      if (out.empty() && (!known || words[k].glob || expanded.empty())) known_head = false;
      if (!known && !out.empty()) expanded = {std::string(kUnknownWord)};
      out.insert(out.end(), expanded.begin(), expanded.end());
    }
    if (drop != 0 && (!all || out.empty())) return;
    if (!known_head) return unknown("the command '" + escape(words[begin].text) + "' is known only when it runs");
    if (out.empty() || out[0].empty()) return;
    if (out[0] == "eval") return unknown("it uses eval");
    reads_input_ |= reads_input(out);
    if (moved_ && out[0].find('/') != std::string::npos && !out[0].starts_with('/')) {
      if (directory_.empty()) return unknown("it runs " + escape(out[0]) + " after a change of directory");
      std::vector<std::string> there = out;
      there[0] = directory_ + "/" + out[0];
      out_.commands.push_back(std::move(there));
    }
    if (words[begin].expands && out[0].find_first_of(" \t\n") != std::string::npos) {  // unquoted, its value is several words
      std::vector<std::string> parts;
      for (std::string_view p : careen::words(out[0])) parts.emplace_back(p);
      parts.insert(parts.end(), out.begin() + 1, out.end());
      if (!parts.empty()) out_.commands.push_back(std::move(parts));
    }
    // A function may run what it is given.
    if (out.size() > 1 && lexer.functions().contains(out[0])) out_.commands.emplace_back(out.begin() + 1, out.end());
    out_.commands.push_back(std::move(out));
  }

  static bool is_shell_name(std::string_view word) {
    std::string_view b = base_name(word);
    return b == "sh" || b == "bash" || b == "dash" || b == "ash" || b == "zsh" || b == "ksh" || b == "mksh";
  }

  // A command that ends in a shell without a script of its own, perhaps behind others: sh, bash -s -- x, sudo sh, sh -c 'sh'.
  static bool reads_input(const std::vector<std::string>& words) {
    for (size_t i = 0; i < words.size(); ++i) {
      if (!is_shell_name(words[i])) continue;
      bool operand = false;
      for (size_t k = i + 1; k < words.size() && !operand; ++k) {
        if (words[k] == "-s") return true;
        if (words[k].starts_with('-') && words[k].find('c') != std::string::npos && k + 1 < words.size()) {
          auto inner = careen::words(words[k + 1]);
          return std::any_of(inner.begin(), inner.end(), [](std::string_view w) { return is_shell_name(w.substr(0, w.find_first_of(";&|)"))); });
        }
        operand = !words[k].starts_with('-');
      }
      if (!operand) return true;
    }
    return false;
  }

  // `set -- PROGRAM "$@"`: what "$@" is from here on, perhaps; so it counts as a command.
  void set_arguments(const std::vector<Word>& words, size_t i) {
    while (i < words.size() && (words[i].text.starts_with('-') || words[i].text.starts_with('+'))) {
      bool end = words[i].text == "--";
      i += words[i].text == "-o" || words[i].text == "+o" ? 2 : 1;
      if (end) break;
    }
    if (i >= words.size() || is_all_arguments(words[i].text)) return;
    bool known = !words[i].glob_or_sub;
    auto first = expand(words[i], known);
    if (!known || first.empty()) return unknown("its arguments are known only when it runs");
    if (first[0].starts_with('-')) return;
    Lexer none("");
    emit(words, i, 0, none);
  }

  static bool is_all_arguments(std::string_view s) { return s == "$@" || s == "${@}" || s == "$*"; }

  void assign(const std::string& name, const Word& w, size_t eq) {
    Word value{w.text.substr(eq + 1), w.expands, w.glob_or_sub};
    bool known = !w.glob_or_sub;
    auto v = expand(value, known);
    std::string text = join(v, " ");
    if (name == "BASH_ENV" || name == "ENV" || name == "LD_PRELOAD" || name == "LD_LIBRARY_PATH" || name == "LD_AUDIT") unknown("it sets " + name);
    // A second value of another kind makes the variable unknown: which branch ran is not known either.
    if (!known)
      variables_.erase(name), unknown_.insert(name);
    else if (!unknown_.contains(name))
      variables_[name] = text;
  }

  // The word with variables put in; "$@" gives the arguments. known turns false where a variable is not.
  std::vector<std::string> expand(const Word& w, bool& known) {
    if (is_all_arguments(w.text)) return arguments_;
    std::string out;
    const std::string& s = w.text;
    for (size_t i = 0; i < s.size();) {
      if (out.size() > kMaxValue) {
        known = false;
        out.resize(kMaxValue);
        break;
      }
      if (s[i] != '$' || i + 1 >= s.size()) {
        out += s[i] == '\x01' ? '$' : s[i];
        ++i;
        continue;
      }
      std::string name, otherwise;
      bool has_default = false;
      if (s[i + 1] == '{') {
        size_t end = s.find('}', i);
        std::string_view body = std::string_view(s).substr(i + 2, end == std::string::npos ? std::string::npos : end - i - 2);
        size_t op = body.find_first_of(":-=+#%/?");
        name = body.substr(0, op);
        if (op != std::string_view::npos) {
          std::string_view rest = body.substr(op);
          if (rest.starts_with(":-") || rest.starts_with(":="))
            has_default = true, otherwise = rest.substr(2);
          else if (rest.starts_with("-") || rest.starts_with("="))
            has_default = true, otherwise = rest.substr(1);
          else
            known = false;
        }
        i = end == std::string::npos ? s.size() : end + 1;
      } else {
        size_t end = i + 1;
        if (s[end] >= '0' && s[end] <= '9')
          ++end;
        else
          while (end < s.size() && is_name_char(s[end])) ++end;
        if (end == i + 1) {
          out += s[i++];
          continue;
        }
        name = s.substr(i + 1, end - i - 1);
        i = end;
      }
      if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
        size_t n = static_cast<size_t>(name[0] - '1');
        if (n < arguments_.size())
          out += arguments_[n];
        else if (has_default)
          out += otherwise;
        continue;
      }
      auto it = variables_.find(name);
      if (it != variables_.end() && !(it->second.empty() && has_default))
        out += it->second;
      else if (has_default && otherwise.find('$') == std::string::npos)
        out += otherwise;
      else if (unknown_.contains(name) || it == variables_.end())
        known = known && !out.empty() && i < s.size();
    }
    if (out.empty() && !s.empty() && w.expands) return {};
    return {out};
  }

  const std::vector<std::string>& arguments_;
  std::map<std::string, std::string> variables_;
  std::set<std::string> unknown_;
  bool shifted_ = false, moved_ = false, reads_input_ = false;
  std::string directory_;  // after a cd whose target is known
  int depth_ = 0;
  ScriptCommands out_;
};

}  // namespace

ScriptCommands read_script(std::string_view text, const std::vector<std::string>& arguments, std::map<std::string, std::string> variables) {
  return Script(arguments, std::move(variables)).run(text);
}

std::vector<std::string> split_words(std::string_view line) {
  Lexer lexer(line);
  std::vector<Word> words;
  std::vector<std::string> out;
  while (lexer.next(words))
    for (const Word& w : words) {
      out.push_back(w.text);
      for (char& c : out.back())
        if (c == '\x01') c = '$';
    }
  return out;
}

}  // namespace careen
