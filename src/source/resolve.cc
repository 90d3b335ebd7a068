#include "source/resolve.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "archive/decompress.h"
#include "base/text.h"
#include "source/rootfs.h"

namespace careen {
namespace {

constexpr std::array<std::string_view, 8> kSchemes{"docker", "podman", "registry", "docker-archive", "oci-archive", "oci-dir", "dir", "file"};

struct Split {
  std::string path, selector;
};

bool exists(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0;
}
bool is_directory(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// FILE[:REF|@N]: the longest front that is a file is the file, for both may hold colons.
Split split_selector(const std::string& text) {
  if (exists(text)) return {text, ""};
  for (size_t at = text.size(); at-- > 0;) {
    if (text[at] != ':' && text[at] != '@') continue;
    if (!exists(text.substr(0, at))) continue;
    if (text[at] == '@') return {text.substr(0, at), text.substr(at)};
    return {text.substr(0, at), text.substr(at + 1)};
  }
  return {text, ""};
}

Result<std::vector<Image>> layout_directory(const Split& s, const ResolveOptions& o) {
  LayoutSelector selector;
  if (s.selector.starts_with('@')) {
    auto d = Digest::parse(std::string_view(s.selector).substr(1));
    if (!d) return Error{Errc::usage, "after @ a digest must follow: sha256: and 64 hex digits"};
    selector.digest = *d;
  } else {
    selector.tag = s.selector;
  }
  if (!exists(s.path + "/index.json")) {
    if (!is_directory(s.path)) return os_error(escape(s.path), is_directory(s.path) ? 0 : 2);
    return Error{Errc::corrupt, escape(s.path) + " is not an OCI image layout: it has no index.json"};
  }
  return read_layout(open_directory_tree(s.path), selector, o.platforms, "oci-dir", s.path);
}

Result<std::vector<Image>> archive_file(const Split& s, const ResolveOptions& o, const std::string& source) {
  CAREEN_ASSIGN(Fd fd, open_read(s.path));
  auto archive = o.index_archive(std::move(fd));
  if (!archive) return std::move(archive).error().in(escape(s.path));
  return read_archive(open_archive_tree(std::move(*archive)), s.selector, o.platforms, source, s.path);
}

Result<std::vector<Image>> one(Result<Image> image) {
  if (!image) return std::move(image).error();
  std::vector<Image> out;
  out.push_back(std::move(*image));
  return out;
}

// A path that exists, by what it holds.
Result<std::vector<Image>> by_content(const Split& s, const ResolveOptions& o) {
  if (is_directory(s.path)) {
    if (exists(s.path + "/index.json") && exists(s.path + "/oci-layout")) return layout_directory(s, o);
    return one(read_rootfs(s.path));
  }
  CAREEN_ASSIGN(Fd fd, open_read(s.path));
  std::vector<uint8_t> first(512);
  CAREEN_ASSIGN(size_t n, pread_full(fd.get(), first, 0));
  first.resize(n);
  std::string_view t = as_text(first);
  bool package = t.starts_with("!<arch>\n") || t.starts_with("\xed\xab\xee\xdb") ||
                 t.starts_with(
                     "\x7f"
                     "ELF") ||
                 s.path.ends_with(".apk");
  if (package) return one(read_single_file(s.path));
  bool archive = recognise_compression(first) != Compression::none || (n == 512 && t.substr(257, 5) == "ustar");
  if (archive) return archive_file(s, o, "archive");
  return Error{Errc::corrupt, escape(s.path) + " is neither an image archive, an OCI layout, a package nor a program; write dir:" + escape(s.path) +
                                  " or file:" + escape(s.path) + " to have it read as such"};
}

Result<std::vector<Image>> by_scheme(std::string_view scheme, const std::string& rest, const ResolveOptions& o) {
  if (rest.empty()) return Error{Errc::usage, std::string(scheme) + ": needs something after the colon"};
  if (scheme == "docker-archive" || scheme == "oci-archive") {
    if (rest == "-") return resolve_images("-", o);
    return archive_file(split_selector(rest), o, std::string(scheme));
  }
  if (scheme == "oci-dir") return layout_directory(split_selector(rest), o);
  if (scheme == "dir") return one(read_rootfs(rest));
  if (scheme == "file") return one(read_single_file(rest));
  const auto& fetch = scheme == "registry" ? o.registry : scheme == "docker" ? o.docker : o.podman;
  if (!fetch) return Error{Errc::usage, "this build has no source " + std::string(scheme)};
  return fetch(rest, o.platforms);
}

// docker, podman, then the registry: the first that has it.
Result<std::vector<Image>> bare_reference(const std::string& text, const ResolveOptions& o) {
  auto reference = Reference::parse(text);
  if (!reference)
    return Error{Errc::usage, "'" + escape(text) +
                                  "' is neither a file nor an image reference; sources are docker: podman: registry: "
                                  "docker-archive: oci-archive: oci-dir: dir: file: and - for standard input"};
  std::string tried;
  for (const auto& [name, fetch] : {std::pair{"docker", &o.docker}, std::pair{"podman", &o.podman}}) {
    if (!*fetch) continue;
    auto images = (*fetch)(text, o.platforms);
    if (images) return images;
    tried += std::string(tried.empty() ? "" : "; ") + name + ": " + images.error().what;
  }
  if (!o.registry) return Error{Errc::not_found, escape(text) + " was not found: " + tried};
  auto images = o.registry(text, o.platforms);
  if (!images) {
    Error e = images.error();
    e.what = "registry: " + e.what + (tried.empty() ? "" : " (before it, " + tried + ")");
    return e;
  }
  return images;
}

Result<std::vector<Image>> find(const std::string& argument, const ResolveOptions& o) {
  if (argument == "-") {
    auto archive = o.index_archive(Fd(::fcntl(0, F_DUPFD_CLOEXEC, 0)));
    if (!archive) return std::move(archive).error().in("standard input");
    return read_archive(open_archive_tree(std::move(*archive)), "", o.platforms, "archive", "-");
  }
  if (!o.from.empty()) {
    for (std::string_view s : kSchemes)
      if (o.from == s) return by_scheme(s, argument, o);
    return Error{Errc::usage, "--from knows docker, podman, registry, docker-archive, oci-archive, oci-dir, dir and file, not '" + escape(o.from) + "'"};
  }
  if (size_t colon = argument.find(':'); colon != std::string::npos)
    for (std::string_view s : kSchemes)
      if (argument.substr(0, colon) == s) return by_scheme(s, argument.substr(colon + 1), o);
  Split s = split_selector(argument);
  if (exists(s.path)) return by_content(s, o);
  if (argument.starts_with('/') || argument.starts_with("./") || argument.starts_with("../"))
    return Error{Errc::not_found, escape(argument) + " does not exist"};
  return bare_reference(argument, o);
}

}  // namespace

Result<std::vector<Image>> resolve_images(const std::string& argument, const ResolveOptions& options) {
  CAREEN_ASSIGN(std::vector<Image> images, find(argument, options));
  for (Image& i : images) i.reference = argument;
  return images;
}

}  // namespace careen
