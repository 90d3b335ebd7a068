#include "detect/shell.h"

#include <set>

#include "base/text.h"

namespace careen {
namespace {

constexpr size_t kMaxWord = 4096;

// A word with its variables still in it, and whether any stood outside single quotes.
struct Word {
  std::string text;
  bool expands = false, glob_or_sub = false;
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
      } else if (c == '\n' || c == ';' || c == '&' || c == '|' || c == '(' || c == ')') {
        bool redirect = c == '&' && at_ + 1 < s_.size() && s_[at_ + 1] == '>';
        ++at_;
        if (redirect) continue;
        if (c == '\n' && !heredoc_.empty()) skip_heredoc();
        if (!words.empty()) return true;
      } else if (c == '<' || c == '>') {
        redirection();
      } else {
        words.push_back(word());
      }
    }
    return !words.empty();
  }

 private:
  bool word_start() const { return at_ == 0 || std::string_view(" \t\n;&|()").find(s_[at_ - 1]) != std::string_view::npos; }

  void redirection() {
    bool here = s_.substr(at_, 2) == "<<" && s_.substr(at_, 3) != "<<<";
    while (at_ < s_.size() && (s_[at_] == '<' || s_[at_] == '>' || s_[at_] == '&' || s_[at_] == '-')) ++at_;
    while (at_ < s_.size() && (s_[at_] == ' ' || s_[at_] == '\t')) ++at_;
    if (at_ < s_.size() && s_[at_] != '\n') {
      Word target = word();
      if (here) heredoc_ = target.text;
    }
  }

  void skip_heredoc() {
    while (at_ < s_.size()) {
      size_t end = s_.find('\n', at_);
      std::string_view line = trim(s_.substr(at_, end == std::string_view::npos ? end : end - at_));
      at_ = end == std::string_view::npos ? s_.size() : end + 1;
      if (line == heredoc_) break;
    }
    heredoc_.clear();
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
        at_ = end == std::string_view::npos ? s_.size() : end + 1;
      } else if (c == '"') {
        ++at_;
        while (at_ < s_.size() && s_[at_] != '"') {
          if (s_[at_] == '\\' && at_ + 1 < s_.size()) ++at_, w.text += s_[at_++];
          else dollar_or_char(w);
        }
        ++at_;
      } else if (c == '\\' && at_ + 1 < s_.size()) {
        if (s_[at_ + 1] != '\n') w.text += s_[at_ + 1];
        at_ += 2;
      } else if (c == '`') {
        size_t end = s_.find('`', at_ + 1);
        w.glob_or_sub = true;
        at_ = end == std::string_view::npos ? s_.size() : end + 1;
      } else {
        dollar_or_char(w);
      }
    }
    if (w.text.size() >= kMaxWord)
      while (at_ < s_.size() && std::string_view(" \t\r\n").find(s_[at_]) == std::string_view::npos) ++at_;
    return w;
  }

  void dollar_or_char(Word& w) {
    if (s_[at_] != '$') {
      w.text += s_[at_++];
      return;
    }
    if (s_.substr(at_, 2) == "$(") {  // a command's output: not known, and its own commands are small change
      int depth = 0;
      do {
        if (s_[at_] == '(') ++depth;
        if (s_[at_] == ')') --depth;
        ++at_;
      } while (at_ < s_.size() && depth > 0);
      w.glob_or_sub = true;
      return;
    }
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
  std::string heredoc_;
};

bool is_name(std::string_view s) {
  return !s.empty() && !(s[0] >= '0' && s[0] <= '9') &&
         s.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

class Script {
 public:
  Script(const std::vector<std::string>& arguments, std::map<std::string, std::string> variables)
      : arguments_(arguments), variables_(std::move(variables)) {}

  ScriptCommands run(std::string_view text) {
    Lexer lexer(text);
    std::vector<Word> words;
    while (lexer.next(words) && out_.commands.size() < kMaxScriptCommands) command(words);
    if (out_.commands.size() >= kMaxScriptCommands) unknown("it has more than 5000 commands");
    return std::move(out_);
  }

 private:
  void unknown(std::string why) {
    if (out_.complete) out_.why = std::move(why);
    out_.complete = false;
  }

  void command(std::vector<Word>& words) {
    static const std::set<std::string_view> kKeywords{"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "command", "exec", "builtin"};
    static const std::set<std::string_view> kSilent{"fi", "done", "esac", "}", "for", "case", "select", "function", "in", "[", "[[", "test", "local", "export",
                                                    "readonly", "declare", "typeset", "unset", "set", "shift", "return", "break", "continue", "echo",
                                                    "printf", "true", "false", ":", "cd", "trap", "umask", "ulimit", "wait", "read", "getopts", "alias", "type", "hash", "let"};
    size_t i = 0;
    while (i < words.size()) {
      const std::string& t = words[i].text;
      size_t eq = t.find('=');
      if (eq != std::string::npos && is_name(std::string_view(t).substr(0, eq))) {
        assign(t.substr(0, eq), words[i], eq);
        ++i;
      } else if (kKeywords.contains(t)) {
        ++i;
        if (t == "exec" || t == "command")
          while (i < words.size() && words[i].text.starts_with('-')) i += words[i].text == "-a" ? 2 : 1;
      } else if (t.ends_with(")") && i + 1 < words.size()) {
        ++i;  // a pattern of case
      } else {
        break;
      }
    }
    if (i >= words.size()) return;
    const std::string& head = words[i].text;
    if (kSilent.contains(head)) {
      if (head == "export" || head == "local" || head == "readonly" || head == "declare")
        for (size_t k = i + 1; k < words.size(); ++k)
          if (size_t eq = words[k].text.find('='); eq != std::string::npos) assign(words[k].text.substr(0, eq), words[k], eq);
      return;
    }
    std::vector<std::string> out;
    bool known_head = true;
    for (size_t k = i; k < words.size() && out.size() < 256; ++k) {
      bool known = !words[k].glob_or_sub;
      std::vector<std::string> expanded = expand(words[k], known);
      if (out.empty() && (!known || expanded.empty())) known_head = false;
      out.insert(out.end(), expanded.begin(), expanded.end());
    }
    if (!known_head) return unknown("the command '" + escape(head) + "' is known only when it runs");
    if (out.empty() || out[0].empty()) return;
    if (out[0] == "eval") return unknown("it uses eval");
    out_.commands.push_back(std::move(out));
  }

  void assign(const std::string& name, const Word& w, size_t eq) {
    Word value{w.text.substr(eq + 1), w.expands, w.glob_or_sub};
    bool known = !w.glob_or_sub;
    auto v = expand(value, known);
    std::string text = join(v, " ");
    // A second value of another kind makes the variable unknown: which branch ran is not known either.
    if (!known) variables_.erase(name), unknown_.insert(name);
    else if (!unknown_.contains(name)) variables_[name] = text;
  }

  // The word with variables put in; "$@" gives the arguments. known turns false where a variable is not.
  std::vector<std::string> expand(const Word& w, bool& known) {
    if (w.text == "$@" || w.text == "${@}" || w.text == "$*") return arguments_;
    std::string out;
    const std::string& s = w.text;
    for (size_t i = 0; i < s.size();) {
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
          if (rest.starts_with(":-") || rest.starts_with(":=")) has_default = true, otherwise = rest.substr(2);
          else if (rest.starts_with("-") || rest.starts_with("=")) has_default = true, otherwise = rest.substr(1);
          else known = false;
        }
        i = end == std::string::npos ? s.size() : end + 1;
      } else {
        size_t end = i + 1;
        if (s[end] >= '0' && s[end] <= '9') ++end;
        else while (end < s.size() && is_name(std::string_view(s).substr(i + 1, end - i))) ++end;
        if (end == i + 1) {
          out += s[i++];
          continue;
        }
        name = s.substr(i + 1, end - i - 1);
        i = end;
      }
      if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
        size_t n = static_cast<size_t>(name[0] - '1');
        if (n < arguments_.size()) out += arguments_[n];
        else if (has_default) out += otherwise;
        continue;
      }
      auto it = variables_.find(name);
      if (it != variables_.end() && !(it->second.empty() && has_default)) out += it->second;
      else if (has_default && otherwise.find('$') == std::string::npos) out += otherwise;
      else if (unknown_.contains(name) || it == variables_.end()) known = known && w.text != s.substr(0, i) && !out.empty();
    }
    if (out.empty() && !s.empty() && w.expands) return {};
    return {out};
  }

  const std::vector<std::string>& arguments_;
  std::map<std::string, std::string> variables_;
  std::set<std::string> unknown_;
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
