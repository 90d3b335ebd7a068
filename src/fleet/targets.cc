#include "fleet/targets.h"

#include <algorithm>
#include <filesystem>

#include "base/fd.h"
#include "base/text.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "source/registry.h"

namespace careen {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxListFile = 256 << 20;
constexpr int kMaxListDepth = 4;

class Finder {
 public:
  explicit Finder(const TargetOptions& options) : options_(options) {}

  void add(const std::string& source, int depth) {
    if (full() || source.empty()) return;
    std::error_code ec;
    if (source[0] == '@' || source == "-") return list_file(source, depth);
    if (source.starts_with("uses:")) return uses(source);
    if (source.starts_with("hub:")) return catalog(source, list_hub(source.substr(4), options_.http), "");
    if (source.starts_with("harbor:")) return harbor(source);
    if (has_scheme(source)) return single(source);
    if (fs::is_directory(source, ec)) return folder(source, 0);
    if (fs::exists(source, ec)) return archive(source);
    registry(source);
  }

  Targets take() {
    if (full()) out_.repositories.clear(), out_.parts.clear(), out_.hosts.clear(), out_.absent.clear();  // what lies behind the cut is not known to be gone
    return std::move(out_);
  }

 private:
  bool full() const { return out_.list.size() >= (options_.most != 0 ? options_.most : kMaxTargets); }
  void fail(const std::string& source, std::string why) { out_.failures.emplace_back(source, std::move(why)); }

  static bool has_scheme(const std::string& s) {
    for (const char* scheme : {"docker:", "podman:", "registry:", "docker-archive:", "oci-archive:", "oci-dir:", "dir:"})
      if (s.starts_with(scheme)) return true;
    return false;
  }

  void push(Target t) {
    if (!full() && (options_.tags.empty() || t.tag.empty() || glob_match(options_.tags, t.tag))) out_.list.push_back(std::move(t));
  }

  void single(const std::string& source) {
    Target t{source, source, "", false};
    if (source.starts_with("registry:")) return registry(source.substr(9));
    if (source.starts_with("oci-dir:") && source.find_first_of("@:", 8) == std::string::npos) return layout(source.substr(8));
    push(std::move(t));
  }

  void list_file(const std::string& source, int depth) {
    if (depth > kMaxListDepth) return fail(source, "lists are nested deeper than 4");
    auto text = source == "-" ? read_file("/dev/stdin", kMaxListFile) : read_file(source.substr(1), kMaxListFile);
    if (!text) return fail(source, text.error().what);
    each_line(*text, [&](std::string_view line) {
      line = trim(line.substr(0, line.find('#')));
      if (!line.empty()) add(std::string(line), depth + 1);
      return !full();
    });
  }

  // What a cluster, a machine or files say that they use.
  void uses(const std::string& source) {
    std::string path = source.substr(5);
    std::error_code ec;
    size_t failures = out_.failures.size();
    auto& found = out_.uses[source];
    if (path != "-" && fs::is_directory(path, ec))
      uses_below(path, 0, &found);
    else
      uses_in(path, false, &found);
    for (const ImageUse& u : found) used(u);
    if (out_.failures.size() != failures && found.empty()) out_.uses.erase(source);  // what it said before stands
  }

  // In a folder, files that hold something else are passed over.
  void uses_in(const std::string& path, bool one_of_many, std::vector<ImageUse>* found) {
    auto text = read_file(path == "-" ? "/dev/stdin" : path, kMaxUsesFile);
    if (!text) return fail(path, text.error().what);
    auto read = read_image_uses(*text, path);
    if (!read) {
      if (!one_of_many) fail(path, read.error().what);
      return;
    }
    if (read->uses.empty() && read->gaps.empty() && !one_of_many) return fail(path, "names no image");
    found->insert(found->end(), read->uses.begin(), read->uses.end());
    for (const ImageUses::Gap& gap : read->gaps) fail(gap.where, gap.why);
  }

  void uses_below(const std::string& path, int depth, std::vector<ImageUse>* found) {
    if (depth > kMaxFolderDepth) return fail(path, "lies deeper than 8 folders");
    std::error_code ec;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(path, ec), end; !ec && it != end; it.increment(ec)) entries.push_back(*it);
    if (ec) return fail(path, ec.message());
    std::sort(entries.begin(), entries.end());
    for (const auto& e : entries) {
      std::string name = e.path().filename().string();
      if (e.is_symlink(ec)) continue;
      if (e.is_directory(ec) && name != ".git" && name != "node_modules")
        uses_below(e.path().string(), depth + 1, found);
      else if (e.is_regular_file(ec) && may_use_images(name))
        uses_in(e.path().string(), true, found);
    }
  }

  // What runs is indexed by its digest where that can be asked for by name; each image once.
  void used(const ImageUse& u) {
    auto ref = Reference::parse(u.reference);
    if (!ref) return fail(u.file + (u.line != 0 ? ":" + std::to_string(u.line) : ""), ref.error().what);
    std::string text = ref->text();
    bool is_image_id = u.workload.starts_with("container/") || u.workload == "image";  // docker's IDs are of configurations
    if (!u.digest.empty() && !is_image_id) text = ref->host + "/" + ref->repository + "@" + u.digest;
    if (used_.insert(text).second) reference(text);
  }

  // Every layout and archive below a folder; links are not followed.
  void folder(const std::string& path, int depth) {
    std::error_code ec;
    if (fs::is_regular_file(path + "/oci-layout", ec)) return layout(path);
    if (depth > kMaxFolderDepth) return fail(path, "lies deeper than 8 folders");
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(path, ec), end; !ec && it != end; it.increment(ec)) entries.push_back(*it);
    if (ec) return fail(path, ec.message());
    std::sort(entries.begin(), entries.end());
    for (const auto& e : entries) {
      if (full()) return;
      if (e.is_symlink(ec)) continue;
      if (e.is_directory(ec))
        folder(e.path().string(), depth + 1);
      else if (e.is_regular_file(ec) && looks_like_archive(e.path().string()))
        archive(e.path().string());
    }
  }

  static bool looks_like_archive(const std::string& path) {
    for (const char* end : {".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".oci"})
      if (path.ends_with(end)) return true;
    return false;
  }

  // One image for each manifest that the layout's index names.
  void layout(const std::string& path) {
    auto text = read_file(path + "/index.json", kMaxManifestBytes);
    if (!text) return fail(path, text.error().what);
    auto index = parse_manifest(*text);
    if (!index) return fail(path, index.error().what);
    for (const Descriptor& d : index->entries) {
      if (is_attestation(d)) continue;
      std::string name;
      for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"})
        if (auto it = d.annotations.find(key); it != d.annotations.end() && name.empty()) name = it->second;
      push({"oci-dir:" + path + "@" + d.digest.text(), path, name, false});
    }
  }

  void archive(const std::string& path) { push({path, path, "", false}); }

  void registry(const std::string& source) {
    if (source.ends_with('/')) {
      std::string host = source.substr(0, source.size() - 1);
      auto all = list_repositories(host, options_.http);
      if (!all) return fail(source, all.error().what);
      out_.hosts.push_back(host);
      for (const std::string& r : *all) out_.catalog.push_back(host + "/" + r), repository(host + "/" + r, "");
      return;
    }
    if (source.find('@') != std::string::npos) return reference(source);
    size_t slash = source.rfind('/'), colon = source.find(':', slash == std::string::npos ? 0 : slash);
    std::string tag = colon == std::string::npos ? "" : source.substr(colon + 1);
    std::string name = source.substr(0, colon);
    if (!tag.empty() && tag.find_first_of("*?[") == std::string::npos) return reference(source);
    repository(name, tag);
  }

  void harbor(const std::string& source) {
    std::string rest = source.substr(7);
    size_t slash = rest.find('/');
    catalog(source, list_harbor(rest.substr(0, slash), slash == std::string::npos ? "" : rest.substr(slash + 1), options_.http),
            slash == std::string::npos ? "" : rest);
  }

  // What a registry's own interface lists, with the times that it tells.
  // `below`: HOST/PROJECT, whose every repository is in it; "" where an account may see a part only: what it does not see has not vanished.
  void catalog(const std::string& source, Result<Catalog> list, const std::string& below) {
    if (!list) return fail(source, list.error().what);
    for (const auto& [name, why] : list->failures) fail(name, why);
    if (list->failures.empty() && !below.empty()) out_.hosts.push_back(below);
    bool untagged = source.starts_with("harbor:");
    for (CatalogRepository& r : list->repositories) {
      bool whole = options_.tags.empty() && options_.since == 0;
      for (const CatalogTag& t : r.tags) {
        if (t.tag.empty() ? !Digest::parse(t.digest) : !is_tag(t.tag)) {
          fail(r.name + ":" + t.tag, "is no tag that a registry may have");
          continue;
        }
        if (options_.since != 0 && t.pushed && *t.pushed < options_.since) {
          ++out_.older;
          continue;
        }
        if (options_.since != 0 && !t.pushed) ++out_.undated;
        push({"registry:" + r.name + (t.tag.empty() ? "@" + t.digest : ":" + t.tag), r.name, t.tag, true});
      }
      out_.catalog.push_back(r.name);
      if (whole) out_.repositories.push_back(r.name);
      if (whole && untagged) out_.untagged.insert(r.name);
      out_.pulls.push_back(std::move(r));
    }
  }

  void repository(const std::string& name, const std::string& glob) {
    auto ref = Reference::parse(name);
    if (!ref) return fail(name, ref.error().what);
    auto tags = list_tags(name, options_.http);
    std::string full_name = ref->host + "/" + ref->repository;
    if (!tags && tags.error().code == Errc::not_found) out_.absent.push_back(full_name), fail(full_name, tags.error().what);
    if (!tags && tags.error().code != Errc::not_found) fail(name, tags.error().what);
    if (!tags) return;
    if (glob.empty() && options_.tags.empty())
      out_.repositories.push_back(full_name);
    else if (glob.empty() || options_.tags.empty())
      out_.parts.emplace_back(full_name, glob.empty() ? options_.tags : glob);
    if (options_.since != 0) out_.undated += tags->size();
    for (const std::string& t : *tags)
      if (!is_tag(t))
        fail(full_name + ":" + t, "is no tag that a registry may have");
      else if (glob.empty() || glob_match(glob, t))
        push({"registry:" + full_name + ":" + t, full_name, t, true});
  }

  // [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}, as the distribution specification has it.
  static bool is_tag(std::string_view t) {
    constexpr std::string_view kWord = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    return !t.empty() && t.size() <= 128 && kWord.find(t[0]) != std::string_view::npos &&
           t.find_first_not_of(std::string(kWord) + ".-") == std::string_view::npos;
  }

  void reference(const std::string& text) {
    auto ref = Reference::parse(text);
    if (!ref) return fail(text, ref.error().what);
    push({"registry:" + ref->text(), ref->host + "/" + ref->repository, ref->tag, true});
  }

  const TargetOptions& options_;
  Targets out_;
  std::set<std::string> used_;
};

}  // namespace

Targets find_targets(const std::vector<std::string>& sources, const TargetOptions& options) {
  Finder finder(options);
  for (const std::string& s : sources) finder.add(s, 0);
  return finder.take();
}

}  // namespace careen
