#include "detect/startup.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "detect/shell.h"

namespace careen {
namespace {

constexpr size_t kMaxScriptsRead = 500;

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Programs that start the program named by their arguments. `skip`: arguments of their own before it; options are passed over.
struct Wrapper {
  std::string_view name;
  int skip;
  std::string_view options_with_value;  // letters
};
constexpr std::array<Wrapper, 22> kWrappers{{{"tini", 0, "pe"},       {"dumb-init", 0, "r"},  {"catatonit", 0, ""}, {"gosu", 1, ""},    {"su-exec", 1, ""},
                                             {"setpriv", 0, ""},      {"env", 0, "uC"},       {"nohup", 0, ""},     {"nice", 0, "n"},   {"ionice", 0, "cn"},
                                             {"timeout", 1, "ks"},    {"stdbuf", 0, "ioe"},   {"setsid", 0, ""},    {"chroot", 1, ""},  {"sudo", 0, "ugC"},
                                             {"time", 0, ""},         {"xargs", 0, "Inp"},    {"unshare", 0, ""},   {"chpst", 0, "ue"}, {"setuidgid", 1, ""},
                                             {"s6-setuidgid", 1, ""}, {"with-contenv", 0, ""}}};

constexpr std::array<const char*, 3> kUnitDirectories{"etc/systemd/system/", "lib/systemd/system/", "usr/lib/systemd/system/"};

class Finder {
 public:
  Finder(const ImageFacts& image, const ImageConfig& config) : image_(image), config_(config) {
    for (const std::string& e : config.environment)
      if (size_t eq = e.find('='); eq != std::string::npos) environment_[e.substr(0, eq)] = e.substr(eq + 1);
  }

  Startup run(bool is_rootfs) {
    std::vector<std::string> words = config_.entrypoint;
    words.insert(words.end(), config_.command.begin(), config_.command.end());
    for (const std::string& w : words) out_.command += (out_.command.empty() ? "" : " ") + escape(w);
    if (is_rootfs)
      init_system("the machine's start", 0);
    else if (!words.empty())
      start(words, "the image's command", 0);
    for (const std::string& w : words) note_text("the image's command", w);
    health_check();
    if (auto it = environment_.find("BASH_ENV"); it != environment_.end()) source({".", it->second}, "the environment's BASH_ENV", {}, 0);
    return std::move(out_);
  }

 private:
  void miss(const std::string& why) {
    if (out_.not_followed.size() < 16 && std::find(out_.not_followed.begin(), out_.not_followed.end(), why) == out_.not_followed.end())
      out_.not_followed.push_back(why);
  }

  void note_text(const std::string& how, std::string_view text) { out_.texts.emplace_back(how, out_.own_texts.emplace_back(text)); }

  // What Docker itself runs beside the command.
  void health_check() {
    const auto& h = config_.healthcheck;
    if (h.size() < 2 || h[0] == "NONE") return;
    std::vector<std::string> words(h.begin() + 1, h.end());
    for (const std::string& w : words) note_text("the health check", w);
    if (h[0] == "CMD-SHELL")
      commands(words[0], {}, "the health check", 0);
    else
      start(words, "the health check", 0);
  }

  NodeId locate(const std::string& name) const {
    if (name.find('/') != std::string::npos) {
      NodeId id = image_.tree.find(name.starts_with('/') ? name : config_.working_dir + "/" + name);
      return id;
    }
    auto it = environment_.find("PATH");
    std::string_view path = it == environment_.end() ? kDefaultPath : std::string_view(it->second);
    for (std::string_view d : split(path, ':')) {
      NodeId id = image_.tree.find(std::string(d) + "/" + name);
      if (id != kNoNode && image_.tree.node(id).type == FileType::regular) return id;
    }
    return kNoNode;
  }

  // A command line with its words.
  void start(const std::vector<std::string>& words, const std::string& how, int depth) {
    if (words.empty()) return;
    if (depth > kMaxStartDepth) return miss(how + ": what it starts in the end lies deeper than 12 steps (kMaxStartDepth)");
    if (out_.programs.size() >= kMaxStarted) return miss("more than 2000 programs are started (kMaxStarted)");
    if (words[0] == kUnknownWord) return miss(how + ": a program in it is known only when it runs");
    NodeId id = locate(words[0]);
    std::string base(base_name(words[0]));
    if (id == kNoNode || image_.tree.node(id).type != FileType::regular) {
      if (depth == 0) miss("the command " + escape(words[0]) + " is not in the image");
      return;
    }
    std::string path = "/" + escape(image_.tree.path(id));
    std::vector<std::string> arguments(words.begin() + 1, words.end());
    std::string real(base_name(image_.tree.path(id)));  // behind links: /start may be /bin/sh
    if ((base == "busybox" || base == "toybox") && !arguments.empty() && !arguments[0].starts_with('-')) {
      program(id, how);
      base = arguments[0];
      arguments.erase(arguments.begin());
    }
    bool shell = is_shell(base) || is_shell(real);
    if (image_.elf(id) != nullptr || image_.text_at.contains(id) || shell) program(id, how);
    bool wraps = wrapper(base, arguments, how, depth);
    if (shell) return shell_command(arguments, how, depth);
    if ((is_interpreter(base) || is_interpreter(real)) && !arguments.empty()) miss(how + ": what " + escape(base) + " runs is not followed");
    if (is_init(base, path)) return init_system(how, depth);
    if (base == "su" || base == "runuser") return su(arguments, how, depth);
    if (base == "supervisord") return supervisord(arguments, depth);
    if (base == "cron" || base == "crond") return cron(how, depth);
    if (base == "runsvdir" || base == "s6-svscan" || base == "svscan" || path == "/init" || base == "my_init") services(arguments, depth);
    if (base == "service" || base == "rc-service" || base == "systemctl") return service(arguments, depth);
    if (base == "run-parts") return run_parts(arguments, depth);
    if (auto it = image_.text_at.find(id); it != image_.text_at.end())
      script(id, it->second->text, arguments, depth);
    else if (image_.elf(id) == nullptr)
      miss("what " + escape(path) + " starts could not be read");
    else if (!wraps)
      named_programs(base, arguments, how);
  }

  // A program among the arguments of one that is not known to start others, and not known to leave them alone.
  void named_programs(const std::string& base, const std::vector<std::string>& arguments, const std::string& how) {
    static const std::set<std::string_view> kHarmless{"echo",    "printf",   "chmod",  "chown",     "chgrp",  "mkdir", "rm",  "cp",       "mv",
                                                      "ln",      "ls",       "cat",    "test",      "[",      "grep",  "sed", "stat",     "touch",
                                                      "install", "which",    "file",   "head",      "tail",   "cut",   "wc",  "readlink", "realpath",
                                                      "dirname", "basename", "md5sum", "sha256sum", "setcap", "strip"};
    if (kHarmless.contains(base)) return;
    if (base == "find" && std::any_of(arguments.begin(), arguments.end(), [](const std::string& a) { return a.starts_with("-exec") || a.starts_with("-ok"); }))
      return miss(how + ": what find runs is known only when it runs");
    for (const std::string& a : arguments) {
      NodeId n = a.empty() || a.starts_with('-') || a == kUnknownWord ? kNoNode : locate(a);
      if (n == kNoNode || (image_.elf(n) == nullptr && !image_.text_at.contains(n))) continue;
      return miss(how + ": " + escape(base) + " may start " + escape(a));
    }
  }

  void program(NodeId id, const std::string& how) {
    if (seen_.insert(id).second) out_.programs.push_back({id, how});
  }

  static bool is_shell(std::string_view b) { return b == "sh" || b == "bash" || b == "dash" || b == "ash" || b == "zsh" || b == "ksh" || b == "mksh"; }
  static bool is_interpreter(std::string_view b) {
    for (std::string_view name : {"python", "perl", "ruby", "node", "php", "java", "lua", "tclsh", "Rscript", "deno", "bun"})
      if (b.starts_with(name)) return true;
    return false;
  }
  static bool is_init(std::string_view base, std::string_view path) { return base == "systemd" || base == "init" ? path != "/init" : false; }

  // su [-] [USER] -c COMMAND, and runuser -u USER [--] COMMAND.
  void su(const std::vector<std::string>& arguments, const std::string& how, int depth) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::string& a = arguments[i];
      if (a.starts_with("--command=") || a.starts_with("--session-command=")) return commands(a.substr(a.find('=') + 1), {}, how, depth);
      if (a == "-u" || a == "--user") {
        size_t k = i + 2;
        while (k < arguments.size() && arguments[k].starts_with('-')) ++k;
        if (k < arguments.size()) return start({arguments.begin() + static_cast<std::ptrdiff_t>(k), arguments.end()}, how, depth + 1);
      }
      if (a == "--command" || (a.size() > 1 && a[0] == '-' && a[1] != '-' && a.back() == 'c')) {
        if (i + 1 < arguments.size() && arguments[i + 1] != kUnknownWord)
          commands(arguments[i + 1], {}, how, depth);
        else
          miss(how + ": what su runs is known only when it runs");
        return;
      }
      if (a == "--" && i + 1 < arguments.size()) return start({arguments.begin() + static_cast<std::ptrdiff_t>(i + 1), arguments.end()}, how, depth + 1);
    }
    miss(how + ": what su starts is the user's own shell");
  }

  bool wrapper(const std::string& base, const std::vector<std::string>& arguments, const std::string& how, int depth) {
    for (const Wrapper& w : kWrappers) {
      if (w.name != base && !(w.name == "tini" && base.starts_with("tini-"))) continue;
      if (base == "xargs") miss(how + ": what xargs is given is known only when it runs");
      int skip = w.skip;
      for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& a = arguments[i];
        if (a == "--") continue;
        if (a.starts_with('-')) {
          if (a.size() == 2 && w.options_with_value.find(a[1]) != std::string_view::npos) ++i;
          continue;
        }
        if (base == "env" && a.find('=') != std::string::npos) continue;
        if (skip-- > 0) continue;
        if (a != kUnknownWord && locate(a) == kNoNode && i + 1 < arguments.size()) continue;  // the value of an option
        start({arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end()}, how, depth + 1);
        return true;
      }
      return true;
    }
    return false;
  }

  void shell_command(const std::vector<std::string>& arguments, const std::string& how, int depth) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::string& a = arguments[i];
      if (a.starts_with('-') && !a.starts_with("--") && a.find('c') != std::string::npos) {
        if (i + 1 < arguments.size() && arguments[i + 1] == kUnknownWord)
          miss(how + ": what its shell runs is known only when it runs");
        else if (i + 1 < arguments.size())
          commands(arguments[i + 1], {arguments.begin() + static_cast<std::ptrdiff_t>(std::min(i + 3, arguments.size())), arguments.end()}, how, depth);
        return;
      }
      if (!a.starts_with("--") && a.size() > 1 && (a[0] == '-' || a[0] == '+') && (a.back() == 'o' || a.back() == 'O')) {
        ++i;
      } else if (!a.starts_with('-') && !a.starts_with('+')) {
        NodeId id = locate(a.find('/') == std::string::npos ? "./" + a : a);
        if (id == kNoNode) id = locate(a);
        auto it = image_.text_at.find(id);
        if (it != image_.text_at.end())
          script(id, it->second->text, {arguments.begin() + static_cast<std::ptrdiff_t>(i + 1), arguments.end()}, depth);
        else
          miss("the script " + escape(a) + " could not be read");
        return;
      }
    }
  }

  void script(NodeId id, std::string_view text, const std::vector<std::string>& arguments, int depth) {
    std::string path = "/" + escape(image_.tree.path(id));
    std::string key = path;
    for (const auto& a : arguments) key += '\0' + a;
    if (!scripts_.insert(key).second) return;
    if (scripts_.size() > kMaxStarted) return miss("more scripts than can be followed");
    out_.texts.emplace_back("script " + path, text);
    std::string_view first = text.substr(0, text.find('\n'));
    std::vector<std::string> interpreter;
    if (first.starts_with("#!"))
      for (std::string_view w : words(first.substr(2))) interpreter.emplace_back(w);
    std::string base = interpreter.empty() ? "sh" : std::string(base_name(interpreter[0]));
    size_t at = 1;
    if (base == "env" || base == "with-contenv" || base == "execlineb") {
      while (at < interpreter.size() && interpreter[at].starts_with('-')) ++at;
      if (base != "execlineb" && at < interpreter.size()) base = base_name(interpreter[at]);
    }
    if (!interpreter.empty())
      if (NodeId i = locate(interpreter[0]); i != kNoNode) program(i, "interpreter of " + path);
    if (is_shell(base) || base == "openrc-run" || base == "execlineb")
      commands(text, arguments, "script " + path, depth);
    else if (base != "sh")
      miss("the script " + escape(path) + " is in " + escape(base) + ", which is not followed");
  }

  void commands(std::string_view text, const std::vector<std::string>& arguments, const std::string& how, int depth) {
    if (++scripts_read_ > kMaxScriptsRead) return miss("more scripts than can be followed");
    if (!how.starts_with("script ")) note_text(how, text);
    ScriptCommands s = read_script(text, arguments, environment_);
    if (!s.complete) miss(how + ": " + s.why);
    for (std::vector<std::string>& c : s.commands) {
      if ((c[0] == "." || c[0] == "source") && c.size() > 1) {
        source(c, how, arguments, depth);
        continue;
      }
      // start-stop-daemon --exec PROGRAM, daemon PROGRAM: the word after, or any word that is a program in full.
      for (size_t i = 1; i < c.size() && c[0].find("daemon") != std::string::npos; ++i)
        if (c[i].starts_with('/')) start({c.begin() + static_cast<std::ptrdiff_t>(i), c.end()}, how, depth + 1);
      start(c, how, depth + 1);
    }
  }

  void source(const std::vector<std::string>& c, const std::string& how, const std::vector<std::string>& arguments, int depth) {
    if (c[1] == kUnknownWord) miss(how + ": what it sources is known only when it runs");
    NodeId id = locate(c[1]);
    auto it = image_.text_at.find(id);
    if (it == image_.text_at.end() || depth >= kMaxStartDepth) {
      if (c[1].starts_with("/dev/") || c[1].starts_with("/proc/")) miss(how + ": it sources " + escape(c[1]));
      if (id != kNoNode) miss(how + ": it sources " + escape(c[1]) + ", which was not read");
      return;
    }
    std::string name = "script /" + escape(image_.tree.path(id));
    out_.texts.emplace_back(name, it->second->text);
    commands(it->second->text, arguments, name, depth + 1);
  }

  // The text of a file that should be followed; tells when it is there and was not kept.
  std::string_view followed(const std::string& path) {
    if (image_.unread(path)) miss("/" + escape(path) + " was not read");
    std::string_view text = image_.text(path);
    if (!text.empty()) out_.texts.emplace_back("/" + escape(path), text);
    return text;
  }

  // The system's tables: minute hour day month weekday user command.
  void cron(const std::string& how, int depth) {
    std::vector<std::string> tables{"etc/crontab"};
    for (NodeId f : files_in("etc/cron.d")) tables.push_back(image_.tree.path(f));
    for (const std::string& t : tables)
      each_line(followed(t), [&](std::string_view line) {
        line = trim(line);
        auto w = words(line);
        size_t fields = line.starts_with('@') ? 2 : 6;
        if (line.starts_with('#') || w.size() <= fields || w[0].find('=') != std::string_view::npos) return true;
        commands(line.substr(static_cast<size_t>(w[fields].data() - line.data())), {}, "/" + t, depth + 1);
        return true;
      });
    for (const char* dir : {"etc/cron.hourly", "etc/cron.daily", "etc/cron.weekly", "etc/cron.monthly"})
      for (NodeId f : files_in(dir)) start({"/" + image_.tree.path(f)}, "/" + std::string(dir), depth + 1);
    for (const char* dir : {"var/spool/cron/crontabs", "var/spool/cron", "etc/crontabs"})
      for (NodeId f : files_in(dir))
        if (image_.tree.node(f).type == FileType::regular) miss(how + ": the table /" + escape(image_.tree.path(f)) + " was not read");
  }

  std::vector<NodeId> files_in(std::string_view dir) const {
    NodeId id = image_.tree.find(dir);
    return id == kNoNode || image_.tree.node(id).type != FileType::directory ? std::vector<NodeId>{} : image_.tree.sorted_children(id);
  }

  void run_parts(const std::vector<std::string>& arguments, int depth) {
    for (const std::string& a : arguments)
      if (!a.starts_with('-'))
        for (NodeId f : files_in(a)) start({"/" + image_.tree.path(f)}, "run-parts " + escape(a), depth + 1);
  }

  void supervisord(const std::vector<std::string>& arguments, int depth) {
    std::vector<std::string> files{"etc/supervisord.conf", "etc/supervisor/supervisord.conf"};
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::string& a = arguments[i];
      bool next = i + 1 < arguments.size() && (a == "--configuration" || (a.starts_with('-') && !a.starts_with("--") && a.ends_with('c')));
      std::string file = next ? arguments[i + 1] : a.starts_with("--configuration=") ? a.substr(16) : a.starts_with("-c") && a.size() > 2 ? a.substr(2) : "";
      if (!file.empty()) files.push_back(file.substr(std::min(file.size(), file.find_first_not_of('/'))));
    }
    for (const char* dir : {"etc/supervisor/conf.d", "etc/supervisord.d", "etc/supervisor.d"})
      for (NodeId f : files_in(dir)) files.push_back(image_.tree.path(f));
    bool any = false;
    for (const std::string& f : files)
      each_line(followed(f), [&](std::string_view line) {
        line = trim(line);
        if (line.find("%(ENV_") != std::string_view::npos) miss("/" + escape(f) + ": a value in it comes from the environment");
        if (line.starts_with("files") && line.find('=') != std::string_view::npos) included(line.substr(line.find('=') + 1), f);
        if (line.starts_with("command") && line.find('=') != std::string_view::npos) {
          any = true;
          start(split_words(line.substr(line.find('=') + 1)), "supervisord (/" + escape(f) + ")", depth + 1);
        }
        return true;
      });
    if (!any) miss("the configuration of supervisord was not found");
  }

  // [include] files = PATTERN…: those outside the usual folders are only told.
  void included(std::string_view patterns, const std::string& file) {
    for (std::string_view p : words(patterns)) {
      bool usual = p.find("supervisor/conf.d/") != std::string_view::npos || p.find("supervisord.d/") != std::string_view::npos ||
                   p.find("supervisor.d/") != std::string_view::npos || p.starts_with("conf.d/");
      if (!usual) miss("/" + escape(file) + " includes " + escape(p) + ", which was not followed");
    }
  }

  // runit, daemontools, s6 and s6-overlay: every service's run script.
  void services(const std::vector<std::string>& arguments, int depth) {
    std::vector<std::string> dirs{
        "etc/service", "etc/services.d", "service", "run/service", "etc/s6-overlay/s6-rc.d", "var/service", "etc/runit/runsvdir/default"};
    for (const std::string& a : arguments)
      if (a.starts_with('/')) dirs.push_back(a.substr(std::min(a.size(), a.find_first_not_of('/'))));
    for (const std::string& dir : dirs)
      for (NodeId s : files_in(dir)) {
        std::string base = dir + "/" + std::string(image_.tree.name(s));
        for (const char* name : {"/run", "/up", "/finish"})
          if (image_.tree.find(base + name) != kNoNode) start({"/" + base + name}, "service /" + escape(base), depth + 1);
      }
    for (const char* dir : {"etc/cont-init.d", "etc/my_init.d"})
      for (NodeId f : files_in(dir)) start({"/" + image_.tree.path(f)}, "start script", depth + 1);
  }

  void service(const std::vector<std::string>& arguments, int depth) {
    for (const std::string& a : arguments) {
      if (a == kUnknownWord) miss("a service is named only when it runs");
      if (a.starts_with('-') || a == "start" || a == "restart" || a == "enable") continue;
      std::string name = a.ends_with(".service") ? a.substr(0, a.size() - 8) : a;
      if (name.find('/') != std::string::npos) continue;
      if (NodeId f = image_.tree.find("etc/init.d/" + name); f != kNoNode) start({"/etc/init.d/" + name, "start"}, "service " + escape(name), depth + 1);
      for (const char* dir : {"etc/systemd/system/", "lib/systemd/system/", "usr/lib/systemd/system/"})
        if (image_.tree.find(dir + name + ".service") != kNoNode) return unit(dir + name + ".service", depth);
    }
  }

  void unit(const std::string& path, int depth) {
    if (!scripts_.insert("unit:" + path).second) return;
    if (scripts_.size() > kMaxStarted) return miss("more units than can be followed");
    std::string name = escape(base_name(path));
    unit_text(followed(path), name, depth);
    for (const char* base : kUnitDirectories)
      for (NodeId f : files_in(base + std::string(base_name(path)) + ".d")) unit_text(followed(image_.tree.path(f)), name, depth);
  }

  void unit_text(std::string_view text, const std::string& name, int depth) {
    std::string joined(text);  // a backslash at the end continues a line
    for (size_t at; (at = joined.find("\\\n")) != std::string::npos;) joined.replace(at, 2, " ");
    each_line(joined, [&](std::string_view line) {
      line = trim(line);
      size_t eq = line.find('=');
      if (eq == std::string_view::npos || line.starts_with('#') || line.starts_with(';')) return true;
      std::string_view key = trim(line.substr(0, eq)), value = trim(line.substr(eq + 1));
      if (key == "Wants" || key == "Requires" || key == "BindsTo" || key == "Upholds" || key == "OnFailure" || key == "OnSuccess" || key == "Unit" ||
          key == "Service") {
        for (std::string_view other : words(value)) unit_named(other, depth);
      } else if (key == "ExecStart" || key == "ExecStartPre" || key == "ExecStartPost" || key == "ExecCondition" || key == "ExecReload") {
        while (!value.empty() && std::string_view("-@:+!|").find(value[0]) != std::string_view::npos) value.remove_prefix(1);
        if (value.find_first_of("$%") != std::string_view::npos) miss("unit " + name + ": a command in it depends on a variable");
        start(split_words(value), "unit " + name, depth + 1);
      } else if (key == "Environment" && value.find("LD_") != std::string_view::npos) {
        miss("unit " + name + ": it sets how libraries are found");
      }
      return true;
    });
  }

  // ssh.service, ssh@tty1.service (of the template ssh@.service), ssh.socket (which starts ssh.service or ssh@.service).
  void unit_named(std::string_view name, int depth) {
    if (depth > kMaxStartDepth) return miss("units lie deeper than can be followed");
    std::string stem(name.substr(0, name.rfind('.')));
    std::string_view kind = name.substr(std::min(name.size(), stem.size()));
    if (kind != ".service" && kind != ".socket" && kind != ".timer" && kind != ".path" && kind != ".target") return;
    std::string service = kind == ".target" ? std::string(name) : stem + ".service";
    std::vector<std::string> forms{service, stem + "@.service"};
    if (size_t at = stem.find('@'); at != std::string::npos) forms.push_back(stem.substr(0, at + 1) + ".service");
    for (const char* d : kUnitDirectories)  // drop-ins of the instance itself
      for (NodeId f : files_in(d + std::string(name) + ".d")) unit_text(followed(image_.tree.path(f)), escape(name), depth);
    for (const std::string& form : forms)
      for (const char* d : kUnitDirectories)
        if (image_.tree.find(d + form) != kNoNode) return unit(d + form, depth + 1);
  }

  void units_wanted(int depth) {
    for (const char* base : {"etc/systemd/system", "lib/systemd/system", "usr/lib/systemd/system"})
      for (NodeId dir : files_in(base)) {
        std::string_view name = image_.tree.name(dir);
        if (!name.ends_with(".wants") && !name.ends_with(".requires")) continue;
        for (NodeId u : files_in(std::string(base) + "/" + std::string(name))) {
          unit_named(image_.tree.name(u), depth);
          std::string through(image_.tree.path(u));  // a link to a unit that lies elsewhere
          if (NodeId real = image_.tree.find(through); real != kNoNode && image_.tree.node(real).type == FileType::regular) unit(image_.tree.path(real), depth);
        }
      }
  }

  void init_system(const std::string& how, int depth) {
    NodeId init = kNoNode;
    for (const char* p : {"sbin/init", "lib/systemd/systemd", "usr/lib/systemd/systemd"})
      if (init == kNoNode) init = image_.tree.find(p);
    if (init != kNoNode) program(init, how);
    units_wanted(depth);
    for (const char* local : {"/etc/rc.local", "/etc/rc.d/rc.local"})
      if (image_.tree.find(local) != kNoNode) start({local}, local, depth + 1);
    for (const char* target : {"default.target", "multi-user.target", "graphical.target", "sysinit.target", "basic.target"}) unit_named(target, depth);
    each_line(followed("etc/inittab"), [&](std::string_view line) {
      auto f = split(line, ':');
      if (!line.starts_with('#') && f.size() >= 4) start(split_words(f[3]), "etc/inittab", depth + 1);
      return true;
    });
    for (const char* dir : {"etc/rc2.d", "etc/rc3.d", "etc/rcS.d", "etc/rc.d/rc3.d", "etc/runlevels/default"})
      for (NodeId f : files_in(dir)) {
        std::string_view name = image_.tree.name(f);
        if (std::string_view(dir).find("runlevels") == std::string_view::npos && !name.starts_with('S')) continue;
        start({"/" + std::string(dir) + "/" + std::string(name), "start"}, "init script " + escape(name), depth + 1);
      }
  }

  const ImageFacts& image_;
  const ImageConfig& config_;
  std::map<std::string, std::string> environment_;
  std::set<NodeId> seen_;
  std::set<std::string> scripts_;
  size_t scripts_read_ = 0;
  Startup out_;
};

}  // namespace

Startup find_startup(const ImageFacts& image, const ImageConfig& config, bool is_rootfs) {
  return Finder(image, config).run(is_rootfs);
}

}  // namespace careen
