// Java archives: pom.properties of Maven, else the manifest, else the file's name; and the archives that they nest.
#include <map>

#include "archive/zip.h"
#include "base/text.h"
#include "formats/language.h"

namespace careen {
namespace {

constexpr uint64_t kMaxMetadata = 1 << 20;

bool is_archive_name(std::string_view name) {
  std::string n = lower(name);
  for (std::string_view end : {".jar", ".war", ".ear", ".jpi", ".hpi", ".par", ".sar", ".nar"})
    if (n.ends_with(end)) return true;
  return false;
}

// key=value lines; a backslash before a colon or an equals sign is dropped.
std::map<std::string, std::string> properties(std::string_view text) {
  std::map<std::string, std::string> out;
  each_line(text, [&](std::string_view line) {
    line = trim(line);
    if (line.empty() || line[0] == '#' || line[0] == '!' || out.size() > 1000) return true;
    size_t eq = line.find_first_of("=:");
    if (eq == std::string_view::npos) return true;
    out[std::string(trim(line.substr(0, eq)))] = trim(line.substr(eq + 1));
    return true;
  });
  return out;
}

// The main section; a line that begins with a blank goes on with the one before.
std::map<std::string, std::string> manifest(std::string_view text) {
  std::map<std::string, std::string> out;
  std::string key;
  each_line(text, [&](std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return false;
    if (line[0] == ' ') {
      if (!key.empty() && out[key].size() < 8192) out[key] += line.substr(1);
      return true;
    }
    size_t colon = line.find(':');
    if (colon == std::string_view::npos || out.size() > 1000) return true;
    key = line.substr(0, colon);
    out[key] = trim(line.substr(colon + 1));
    return true;
  });
  return out;
}

struct NameVersion {
  std::string name, version;
};

// spring-core-5.3.20.jar
NameVersion from_file_name(std::string_view path) {
  std::string_view stem = base_name(path);
  stem = stem.substr(0, stem.rfind('.'));
  for (size_t i = 1; i + 1 < stem.size(); ++i)
    if (stem[i] == '-' && stem[i + 1] >= '0' && stem[i + 1] <= '9') return {std::string(stem.substr(0, i)), std::string(stem.substr(i + 1))};
  return {std::string(stem), ""};
}

class ArchiveReader {
 public:
  LanguagePackages out;

  void archive(std::string_view path, const FileView& file, int depth) {
    auto zip = ZipReader::open(file);
    if (!zip) return problem(path, zip.error().what);
    std::vector<ZipEntry> poms, inner;
    std::optional<ZipEntry> manifest_entry;
    size_t entries = 0;
    auto walked = zip->each([&](const ZipEntry& e) {
      if (++entries > 1'000'000) return false;
      if (e.name.starts_with("META-INF/maven/") && e.name.ends_with("/pom.properties") && poms.size() < kMaxLanguagePackages) poms.push_back(e);
      if (e.name == "META-INF/MANIFEST.MF" && !manifest_entry) manifest_entry = e;
      if (is_archive_name(e.name) && !e.folder() && inner.size() < kMaxLanguagePackages) inner.push_back(e);
      return true;
    });
    if (!walked) problem(path, walked.error().what);
    if (!from_poms(*zip, poms, path)) from_manifest(*zip, manifest_entry, path);
    for (const ZipEntry& e : inner) {
      std::string name = std::string(path) + "!" + e.name;
      if (depth >= kMaxNestedArchives) {
        problem(name, "an archive in an archive more than " + std::to_string(kMaxNestedArchives) + " deep");
        break;
      }
      unpacked_ += e.size;
      auto text = unpacked_ > kMaxNestedBytes ? Result<std::string>(Error{Errc::limit, "more than " + human_size(kMaxNestedBytes) + " of archives in one"})
                                              : zip->read(e, kMaxNestedArchive);
      if (!text) {
        problem(name, text.error().what);
        continue;
      }
      MemoryView view(as_bytes(*text));
      archive(name, view, depth + 1);
    }
  }

 private:
  void problem(std::string_view path, const std::string& what) {
    if (out.problem.empty()) out.problem = std::string(base_name(path)) + ": " + what;
  }

  bool put(const std::string& group, const std::string& artifact, const std::string& version) {
    if (artifact.empty() || artifact.size() + group.size() > kMaxPackageName || version.size() > kMaxPackageName || out.packages.size() >= kMaxLanguagePackages)
      return false;
    Package p;
    p.type = PackageType::maven;
    p.name = group + ":" + artifact;
    p.version = version;
    out.packages.push_back(std::move(p));
    return true;
  }

  // All of them: a shaded archive has those of what was put into it.
  bool from_poms(const ZipReader& zip, const std::vector<ZipEntry>& poms, std::string_view path) {
    bool any = false;
    for (const ZipEntry& e : poms) {
      auto text = zip.read(e, kMaxMetadata);
      if (!text) {
        problem(path, text.error().what);
        continue;
      }
      auto p = properties(*text);
      any |= put(p["groupId"], p["artifactId"], p["version"]);
    }
    return any;
  }

  void from_manifest(const ZipReader& zip, const std::optional<ZipEntry>& entry, std::string_view path) {
    NameVersion file = from_file_name(path);
    std::map<std::string, std::string> m;
    if (entry)
      if (auto text = zip.read(*entry, kMaxMetadata)) m = manifest(*text);
    auto first = [&](std::initializer_list<const char*> keys) {
      for (const char* k : keys)
        if (auto it = m.find(k); it != m.end() && !it->second.empty() && it->second.find("${") == std::string::npos) return it->second;
      return std::string();
    };
    std::string group = first({"Implementation-Vendor-Id"});
    // org.apache.commons.lang3;singleton:=true: an OSGi name mostly begins with the group.
    std::string bundle = first({"Bundle-SymbolicName"});
    bundle = bundle.substr(0, bundle.find(';'));
    if (group.empty() && bundle.find('.') != std::string::npos) group = bundle.substr(0, bundle.rfind('.'));
    std::string version = !file.version.empty() ? file.version : first({"Implementation-Version", "Bundle-Version", "Specification-Version"});
    std::string artifact = !file.version.empty() || bundle.empty() ? file.name : bundle.substr(bundle.rfind('.') + 1);
    if (!version.empty()) put(group, artifact, version);
  }

  uint64_t unpacked_ = 0;
};

}  // namespace

LanguagePackages parse_java_archive(std::string_view path, const FileView& file) {
  ArchiveReader r;
  r.archive(path, file, 0);
  return std::move(r.out);
}

}  // namespace careen
