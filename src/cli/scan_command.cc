#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/common.h"
#include "report/formats.h"

namespace careen {
namespace {

constexpr std::array<std::string_view, 12> kFormats{"table",   "json",   "sarif", "cyclonedx", "cyclonedx-1.7", "spdx",
                                                    "openvex", "gitlab", "junit", "markdown",  "csv",           "html"};

std::string format_names() {
  std::string out;
  for (std::string_view f : kFormats) out += (out.empty() ? "" : ", ") + std::string(f);
  return out;
}

// SOURCE_DATE_EPOCH makes reports that tell a time the same again.
FormatContext format_context() {
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  auto given = epoch == nullptr ? std::nullopt : to_number(epoch);
  return {given.value_or(static_cast<uint64_t>(std::max<time_t>(::time(nullptr), 0)))};
}

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
    if (std::find(kFormats.begin(), kFormats.end(), o.format) == kFormats.end())
      return Error{Errc::usage, "-o " + escape(text) + ": '" + escape(o.format) + "' is no format; write -o json for standard output, or -o json=" +
                                    escape(eq == std::string::npos ? text : o.file) + " for a file (formats: " + format_names() + ")"};
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
  FormatContext context = format_context();
  if (format == "cyclonedx") return cyclonedx_text(results, "1.6", context);
  if (format == "cyclonedx-1.7") return cyclonedx_text(results, "1.7", context);
  if (format == "spdx") return spdx_text(results, context);
  if (format == "openvex") return openvex_text(results, context);
  if (format == "gitlab") return gitlab_text(results, context);
  if (format == "junit") return junit_text(results);
  if (format == "markdown") return markdown_text(results);
  if (format == "csv") return csv_text(results);
  if (format == "html") return html_text(results, context);
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
  add_advice_options(app, c->image.advice);
  app.add_option("--format", c->format, "table (default), json, sarif, cyclonedx, cyclonedx-1.7, spdx, openvex, gitlab, junit, markdown, csv or html");
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
  c->image.advice.none = true;
  add_image_options(app, c->image);
  app.add_option("--format", c->format, "table or json")->check(CLI::IsMember({"table", "json"}));
  app.footer("Example:\n  careen packages debian:12 --format json\n");
  return [c] { return run_list(*c, packages_table, packages_json); };
}

Command add_files(CLI::App& app) {
  auto c = std::make_shared<ListCommand>();
  c->image.advice.none = true;
  add_image_options(app, c->image);
  c->image.wants_facts = true;
  app.add_option("--format", c->format, "table or json")->check(CLI::IsMember({"table", "json"}));
  app.footer("Lists the merged tree and what later layers hide.\n\nExample:\n  careen files oci-dir:app | grep hidden\n");
  return [c] { return run_list(*c, files_table, files_json); };
}

}  // namespace careen
