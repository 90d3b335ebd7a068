#include "formats/dpkg.h"

#include <map>

#include "base/text.h"

namespace careen {
namespace {

std::string raw_md5(std::string_view hex) {
  auto b = from_hex(hex);
  return b && b->size() == 16 ? std::string(b->begin(), b->end()) : std::string{};
}

bool files_are_there(std::string_view status) {
  auto w = words(status);
  if (w.empty()) return true;
  std::string_view state = w.size() >= 3 ? w[2] : w.back();
  return state != "not-installed" && state != "config-files";
}

// "xz-utils (5.4.1-1)": the source's name and, where it differs from the package's, its version.
void set_source(Package& p, std::string_view field) {
  field = trim(field);
  size_t open = field.find('(');
  p.source = field.empty() ? p.name : std::string(trim(field.substr(0, open)));
  p.source_version = p.version;
  if (open != std::string_view::npos) {
    size_t close = field.find(')', open);
    p.source_version = trim(field.substr(open + 1, close == std::string_view::npos ? close : close - open - 1));
  }
}

void add_conffiles(Package& p, std::string_view field) {
  each_line(field, [&](std::string_view line) {
    auto w = words(line);
    if (w.size() < 2) return true;
    OwnedFile f;
    f.path = normal_path(w[0]);
    f.digest = raw_md5(w[1]);
    f.algorithm = f.digest.empty() ? RecordedDigest::none : RecordedDigest::md5;
    f.config = true;
    if (!f.path.empty()) p.files.push_back(std::move(f));
    return true;
  });
}

}  // namespace

std::vector<Package> parse_dpkg_status(std::string_view text, size_t* problems) {
  std::vector<Package> out;
  std::map<std::string, std::string, std::less<>> fields;
  std::string* current = nullptr;
  auto finish = [&] {
    if (fields.empty()) return;
    auto get = [&](std::string_view key) {
      auto it = fields.find(key);
      return it == fields.end() ? std::string_view{} : std::string_view(it->second);
    };
    Package p;
    p.name = trim(get("package"));
    p.version = trim(get("version"));
    p.architecture = trim(get("architecture"));
    bool there = files_are_there(get("status"));
    set_source(p, get("source"));
    add_conffiles(p, get("conffiles"));
    if (there && (p.name.empty() || p.version.empty()))
      ++*problems;
    else if (there)
      out.push_back(std::move(p));
    fields.clear();
    current = nullptr;
  };
  each_line(text, [&](std::string_view line) {
    if (trim(line).empty()) {
      finish();
    } else if (line.front() == ' ' || line.front() == '\t') {
      if (current != nullptr) current->append("\n").append(line);
    } else if (size_t colon = line.find(':'); colon != std::string_view::npos && colon <= 64) {
      static const std::map<std::string, int, std::less<>> wanted{{"package", 0},      {"status", 0}, {"version", 0},
                                                                  {"architecture", 0}, {"source", 0}, {"conffiles", 0}};
      std::string key = lower(line.substr(0, colon));
      if (wanted.contains(key)) {
        current = &fields[key];
        *current = line.substr(colon + 1);
      } else {
        current = nullptr;
        fields.try_emplace("");
      }
    } else {
      current = nullptr;
      fields.try_emplace("");
    }
    return true;
  });
  finish();
  return out;
}

std::vector<OwnedFile> parse_dpkg_list(std::string_view text) {
  std::vector<OwnedFile> out;
  each_line(text, [&](std::string_view line) {
    OwnedFile f;
    f.path = normal_path(line);
    if (!f.path.empty()) out.push_back(std::move(f));
    return true;
  });
  return out;
}

std::vector<OwnedFile> parse_dpkg_md5sums(std::string_view text) {
  std::vector<OwnedFile> out;
  each_line(text, [&](std::string_view line) {
    if (line.size() < 35) return true;
    OwnedFile f;
    f.digest = raw_md5(line.substr(0, 32));
    f.algorithm = RecordedDigest::md5;
    std::string_view path = line.substr(32);
    path.remove_prefix(std::min(path.find_first_not_of(" \t*"), path.size()));
    f.path = normal_path(path);
    if (!f.digest.empty() && !f.path.empty()) out.push_back(std::move(f));
    return true;
  });
  return out;
}

std::vector<std::string> parse_dpkg_diversions(std::string_view text) {
  std::vector<std::string> out;
  size_t n = 0;
  each_line(text, [&](std::string_view line) {
    if (n++ % 3 != 2) out.push_back(normal_path(line));  // from, to, package
    return true;
  });
  return out;
}

}  // namespace careen
