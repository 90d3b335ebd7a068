// careen: finds backdoored software in container images and says whether it matters there.
#include <csignal>
#include <cstdio>
#include <exception>

#include "base/log.h"
#include "base/text.h"
#include "cli/common.h"
#include "report/version.h"
#include "worker/worker.h"
#include "worker/worker_main.h"

namespace careen {
namespace {

int show_version(bool verbose) {
  std::string out = std::string("careen ") + kVersion + "\n";
  if (verbose) {
    auto s = probe_sandbox();
    if (!s) return complain(s.error());
    auto state = [](bool on) { return on ? "in force" : "not in force"; };
    out += std::string("worker sandbox: seccomp ") + state(s->seccomp) + ", Landlock " + state(s->landlock) + ", limits " + state(s->limits) +
           (s->why.empty() ? "" : " (" + s->why + ")") + "\n";
    auto threats = load_threats({});
    if (!threats) return complain(threats.error());
    out += "knowledge: " + std::to_string(threats->threats.size()) + " built-in threat record" + (threats->threats.size() == 1 ? "" : "s") + " of " +
           threats->date + "\n";
  }
  return print(out) ? 0 : 4;
}

int run(int argc, char** argv) {
  CLI::App app{"careen finds backdoored software in container images and says whether it matters there."};
  app.name("careen");
  bool version = false, verbose = false;
  app.add_flag("--version", version, "The version; with -v also the sandbox and the knowledge in force");
  app.add_flag("-v,--verbose", verbose, "With --version: more");
  app.footer(
      "Examples:\n  careen scan debian:testing-20240311\n  docker save app | careen scan -\n  careen explain CVE-2024-3094\n\n"
      "Every command has --help. Exit status: 0 clean, 1 flagged, 2 wrong usage, 3 undetermined, 4 not readable.");
  struct Entry {
    CLI::App* app;
    Command run;
  };
  std::vector<Entry> commands;
  auto add = [&](const char* name, const char* what, Command (*make)(CLI::App&)) {
    CLI::App* sub = app.add_subcommand(name, what);
    commands.push_back({sub, make(*sub)});
  };
  add("scan", "Examine an image and give a verdict", add_scan);
  add("packages", "List the packages of an image", add_packages);
  add("files", "List the files of an image, and what its layers hide", add_files);
  add("explain", "Tell the whole story of a finding or a threat", add_explain);
  add("threat", "Write, check, list and show threat records", add_threat);
  add("index", "Bring images into the inventory, each layer read once", add_index);
  add("hunt", "Ask which indexed images hold a package, a file, a name or a threat", add_hunt);
  add("exposure", "Every indexed image that a threat affects, and what to rebuild first", add_exposure);
  add("lineage", "What an indexed image is built on, and what is built on it", add_lineage);
  add("diff", "What changed between two indexed images, new risk first", add_diff);
  add("worker", "Take a share of an index run of several machines", add_worker);
  add("db", "Import, look at and export the advisory database", add_db);
  add("store", "Check, back up, restore and compact the inventory", add_store);
  add("status", "What careen keeps, where, and what needs attention", add_status);
  add("cache", "Look at or trim what is remembered of layers", add_cache);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help
    CLI::App* at = &app;
    for (auto subs = at->get_subcommands(); !subs.empty(); subs = at->get_subcommands()) at = subs[0];
    std::string choices;
    for (const CLI::App* s : at->get_subcommands([](const CLI::App*) { return true; })) choices += (choices.empty() ? "" : ", ") + s->get_name();
    std::string path = at == &app                 ? "careen"
                       : at->get_parent() == &app ? "careen " + at->get_name()
                                                  : "careen " + at->get_parent()->get_name() + " " + at->get_name();
    return complain({Errc::usage, escape(e.what()) + (choices.empty() ? "" : "; choose one of: " + choices) + "\nTry: " + path + " --help"});
  }
  if (version) return show_version(verbose);
  for (const Entry& c : commands)
    if (c.app->parsed()) return c.run();
  std::fputs(app.help().c_str(), stdout);
  return 2;
}

}  // namespace
}  // namespace careen

int main(int argc, char** argv) {
  if (int worker = careen::worker_main(argc, argv); worker >= 0) return worker;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return careen::run(argc, argv);
  } catch (const std::exception& e) {
    careen::warn(std::string("internal error: ") + e.what() + "; please report this");
    return 4;
  }
}
