#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/common.h"

namespace careen {
namespace {

struct Output {
  std::string format, file;  // "" is standard output
};

struct ScanCommand {
  ImageOptions image;
  std::string format;
  std::vector<std::string> outputs;
  bool list_packages = false;
};

Result<std::vector<Output>> parse_outputs(const ScanCommand& c) {
  std::vector<Output> out;
  auto add = [&](const std::string& text) -> Result<void> {
    size_t eq = text.find('=');
    Output o{text.substr(0, eq), eq == std::string::npos ? "" : text.substr(eq + 1)};
    if (o.format != "table" && o.format != "json" && o.format != "sarif")
      return Error{Errc::usage, "-o " + escape(text) + ": '" + escape(o.format) + "' is no format; write -o json for standard output, or -o json=" +
                                    escape(eq == std::string::npos ? text : o.file) + " for a file (formats: table, json, sarif)"};
    if (eq != std::string::npos && o.file.empty()) return Error{Errc::usage, "-o " + escape(text) + ": a file name must follow ="};
    out.push_back(std::move(o));
    return {};
  };
  if (!c.format.empty()) CAREEN_TRY(add(c.format));
  for (const std::string& o : c.outputs) CAREEN_TRY(add(o));
  if (out.empty()) out.push_back({"table", ""});
  return out;
}

std::string render(const ScanCommand& c, const std::string& format, const std::vector<ScanResult>& results, bool to_terminal) {
  if (format == "json") return json_text(results, c.image.all_platforms, c.list_packages);
  if (format == "sarif") return sarif_text(results);
  TableOptions o;
  o.color = to_terminal && wants_color(STDOUT_FILENO);
  o.verbose = c.image.verbose;
  o.quiet = c.image.quiet;
  o.width = to_terminal ? terminal_width(STDOUT_FILENO) : 80;
  std::string out;
  for (const ScanResult& r : results) {
    out += (out.empty() ? "" : "\n") + table_report(r, o);
    if (c.list_packages) out += "\n" + packages_table(r);
  }
  return out;
}

// Kept for `careen explain`; failing to is no error.
void remember(const ScanCommand& c, const std::vector<ScanResult>& results) {
  std::string dir = state_directory();
  if (!dir.empty() && make_directories(dir))
    (void)static_cast<bool>(write_file_atomic(dir + "/last-report.json", json_text(results, c.image.all_platforms, false)));
}

int run(const ScanCommand& c) {
  auto outputs = parse_outputs(c);
  if (!outputs) return complain(outputs.error());
  Scanned s = run_scan(c.image);
  if (s.results.empty()) return s.status;
  int status = 0;
  for (const ScanResult& r : s.results) status = worse_exit(status, exit_code(r.judgement.verdict));
  for (const Output& o : *outputs) {
    std::string text = render(c, o.format, s.results, o.file.empty());
    if (o.file.empty()) {
      if (!print(text)) status = worse_exit(status, 4);
    } else if (auto ok = write_file_atomic(o.file, text); !ok) {
      complain(ok.error());
      status = worse_exit(status, 4);
    }
  }
  remember(c, s.results);
  return status;
}

struct ListCommand {
  ImageOptions image;
  std::string format = "table";
};

// packages and files: a list of an image, without a verdict.
template <class Table, class Json>
int run_list(const ListCommand& c, Table table, Json json) {
  Scanned s = run_scan(c.image);
  if (s.results.empty()) return s.status;
  std::string out;
  for (const ScanResult& r : s.results) {
    bool list = c.format == "json" && c.image.all_platforms;
    if (list) out += out.empty() ? "{\"schema\": \"careen/lists/v1\", \"lists\": [\n" : ",\n";
    out += c.format == "json" ? json(r) : table(r);
  }
  if (c.format == "json" && c.image.all_platforms) out += "]}\n";
  int status = 0;
  for (const ScanResult& r : s.results)
    for (const Coverage& row : r.coverage) {
      bool gap = row.state == CoverageState::partly || row.state == CoverageState::not_looked;
      if (gap && (row.question == Question::content || row.question == Question::packages)) {
        status = 3;
        if (c.format != "json") complain({Errc::corrupt, std::string(to_text(row.question)) + ": " + escape(row.what) + ": " + escape(row.why)});
      }
    }
  return print(out) ? status : 4;
}

}  // namespace

Command add_scan(CLI::App& app) {
  auto c = std::make_shared<ScanCommand>();
  add_image_options(app, c->image);
  app.add_option("--store", c->image.store, "Record the image in this inventory too (default: $CAREEN_STORE, when it is set)")->envname("CAREEN_STORE");
  app.add_option("--format", c->format, "table, json or sarif (default table)");
  app.add_option("-o,--output", c->outputs, "FORMAT or FORMAT=FILE (repeatable)");
  app.add_flag("--list-packages", c->list_packages, "List the packages too");
  app.footer(
      "Examples:\n"
      "  careen scan debian:testing                     docker, podman, then the registry\n"
      "  careen scan registry:ghcr.io/org/app@sha256:…  a registry alone\n"
      "  docker save app | careen scan -                standard input\n"
      "  careen scan dir:/                              this machine\n"
      "  careen scan app.tar -o table -o json=app.json -o sarif=app.sarif\n\n"
      "Exit status: 0 clean, 1 flagged, 2 wrong usage, 3 undetermined, 4 the image could not be read.");
  return [c] { return run(*c); };
}

Command add_packages(CLI::App& app) {
  auto c = std::make_shared<ListCommand>();
  add_image_options(app, c->image);
  app.add_option("--format", c->format, "table or json")->check(CLI::IsMember({"table", "json"}));
  app.footer("Example:\n  careen packages debian:12 --format json\n");
  return [c] { return run_list(*c, packages_table, packages_json); };
}

Command add_files(CLI::App& app) {
  auto c = std::make_shared<ListCommand>();
  add_image_options(app, c->image);
  c->image.wants_facts = true;
  app.add_option("--format", c->format, "table or json")->check(CLI::IsMember({"table", "json"}));
  app.footer("Lists the merged tree and what later layers hide.\n\nExample:\n  careen files oci-dir:app | grep hidden\n");
  return [c] { return run_list(*c, files_table, files_json); };
}

}  // namespace careen
