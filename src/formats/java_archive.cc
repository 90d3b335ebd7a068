// Java archives: pom.properties of Maven, else the manifest, else the file's name; and the archives that they nest. What has no pom.properties
// is given with the SHA-1 of its bytes, by which others may know it.
#include <map>

#include "archive/zip.h"
#include "base/text.h"
#include "digest/digest.h"
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
std::string unescaped(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\\' && i + 1 < s.size()) ++i;
    out += s[i];
  }
  return out;
}

std::map<std::string, std::string> properties(std::string_view text) {
  std::map<std::string, std::string> out;
  each_line(text, [&](std::string_view line) {
    line = trim(line);
    if (line.empty() || line[0] == '#' || line[0] == '!' || out.size() > 1000) return true;
    size_t eq = 0;
    while (eq < line.size() && line[eq] != '=' && line[eq] != ':') eq += line[eq] == '\\' ? 2 : 1;
    if (eq >= line.size()) return true;
    out[unescaped(trim(line.substr(0, eq)))] = unescaped(trim(line.substr(eq + 1)));
    return true;
  });
  return out;
}

// The main section; a line that begins with a blank goes on with the one before.
std::map<std::string, std::string> manifest(std::string_view raw) {
  std::map<std::string, std::string> out;
  std::string key, text;
  for (size_t i = 0; i < raw.size(); ++i)  // lines end with CR LF, LF or CR
    text += raw[i] == '\r' ? (i + 1 < raw.size() && raw[i + 1] == '\n' ? ' ' : '\n') : raw[i];
  each_line(text, [&](std::string_view line) {
    if (line.ends_with(' ') && raw.find("\r\n") != std::string_view::npos) line.remove_suffix(1);
    if (line.empty()) return false;
    if (line[0] == ' ') {
      if (!key.empty() && out[key].size() < 8192) out[key] += line.substr(1);
      return true;
    }
    size_t colon = line.find(':');
    if (colon == std::string_view::npos || out.size() > 1000) return true;
    key = lower(line.substr(0, colon));
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
  std::string_view stem = base_name(path.substr(path.rfind('!') == std::string_view::npos ? 0 : path.rfind('!') + 1));
  stem = stem.substr(0, stem.rfind('.'));
  // The last dash before a digit: log4j-1.2-api-2.17.1.
  for (size_t i = stem.size(); i-- > 1;)
    if (stem[i] == '-' && i + 1 < stem.size() && stem[i + 1] >= '0' && stem[i + 1] <= '9' && stem.find('.', i) != std::string_view::npos)
      return {std::string(stem.substr(0, i)), std::string(stem.substr(i + 1))};
  for (size_t i = 1; i + 1 < stem.size(); ++i)
    if (stem[i] == '-' && stem[i + 1] >= '0' && stem[i + 1] <= '9') return {std::string(stem.substr(0, i)), std::string(stem.substr(i + 1))};
  return {std::string(stem), ""};
}

std::string sha1_of(const FileView& file) {
  constexpr uint64_t kPiece = 1 << 20;
  Hasher h(Algorithm::sha1);
  for (uint64_t at = 0; at < file.size(); at += kPiece) {
    FilePart part(file, at, std::min(kPiece, file.size() - at));
    if (part.empty()) return "";
    h.update(part);
  }
  Sha1 raw{};
  h.finish(raw.data());
  return to_hex(raw.data(), raw.size());
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
    bool has_classes = false;
    auto walked = zip->each([&](const ZipEntry& e) {
      if (++entries > 1'000'000) return false;
      if (e.name.starts_with("META-INF/maven/") && e.name.ends_with("/pom.properties") && poms.size() < kMaxLanguagePackages) poms.push_back(e);
      has_classes |= e.name.ends_with(".class");
      if (e.name == "META-INF/MANIFEST.MF" && !manifest_entry) manifest_entry = e;
      if (is_archive_name(e.name) && !e.folder() && inner.size() < kMaxLanguagePackages) inner.push_back(e);
      return true;
    });
    if (!walked) problem(path, walked.error().what);
    if (!from_poms(*zip, poms, path)) from_manifest(*zip, manifest_entry, path, file, has_classes);
    for (const ZipEntry& e : inner) {
      std::string name = std::string(path) + "!" + e.name;
      if (depth >= kMaxNestedArchives) {
        problem(name, "an archive in an archive more than " + std::to_string(kMaxNestedArchives) + " deep");
        break;
      }
      bool room = e.size <= kMaxNestedBytes - unpacked_;
      auto text =
          !room ? Result<std::string>(Error{Errc::limit, "more than " + human_size(kMaxNestedBytes) + " of archives in one"}) : zip->read(e, kMaxNestedArchive);
      if (!text) {
        problem(name, text.error().what);
        continue;
      }
      unpacked_ += text->size();
      MemoryView view(as_bytes(*text));
      archive(name, view, depth + 1);
    }
  }

 private:
  void problem(std::string_view path, const std::string& what) {
    if (out.problem.empty()) out.problem = std::string(base_name(path)) + ": " + what;
  }

  bool put(const std::string& group, const std::string& artifact, const std::string& version) {
    if (artifact.find_first_of(std::string_view("\0\n", 2)) != std::string::npos || group.find_first_of(std::string_view("\0\n", 2)) != std::string::npos)
      return false;
    if (artifact.empty() || artifact.size() + group.size() > kMaxPackageName || version.size() > kMaxPackageName) return false;
    if (out.packages.size() >= kMaxLanguagePackages) {
      problem("", "more than " + std::to_string(kMaxLanguagePackages) + " packages (kMaxLanguagePackages)");
      return false;
    }
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
      // What the build did not fill in is in the file's name, where the file is this artifact's.
      std::string version = p["version"];
      NameVersion file = from_file_name(path);
      if (version.empty() || version.find("${") != std::string::npos) version = file.name == p["artifactId"] ? file.version : "";
      any |= put(p["groupId"], p["artifactId"], version);
    }
    return any;
  }

  void from_manifest(const ZipReader& zip, const std::optional<ZipEntry>& entry, std::string_view path, const FileView& whole, bool has_classes) {
    NameVersion file = from_file_name(path);
    std::map<std::string, std::string> m;
    if (entry)
      if (auto text = zip.read(*entry, kMaxMetadata)) m = manifest(*text);
    auto first = [&](std::initializer_list<const char*> keys) {
      for (const char* k : keys)
        if (auto it = m.find(lower(k)); it != m.end() && !it->second.empty() && it->second.find("${") == std::string::npos) return it->second;
      return std::string();
    };
    std::string group = first({"Implementation-Vendor-Id"});
    // org.apache.commons.lang3;singleton:=true: an OSGi name mostly begins with the group.
    std::string bundle = first({"Bundle-SymbolicName"});
    bundle = bundle.substr(0, bundle.find(';'));
    if (group.empty() && bundle.find('.') != std::string::npos) group = bundle.substr(0, bundle.rfind('.'));
    std::string version = !file.version.empty() ? file.version : first({"Implementation-Version", "Bundle-Version", "Specification-Version"});
    std::string artifact = !file.version.empty() || bundle.empty() ? file.name : bundle.substr(bundle.rfind('.') + 1);
    // What has neither a version nor code is a wrapping of others.
    if ((!version.empty() || has_classes) && put(group, artifact, version)) out.packages.back().sha1 = sha1_of(whole);
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
