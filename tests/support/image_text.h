// Images described by text, for tests: each line an entry, collected by the real Collector from a real tar in memory.
//
//   layer                              begins another layer (the first needs no line)
//   dir /etc 0755
//   file /usr/bin/x 0755 "content\n"   with \n \t \" \\ \xNN; or `|`, and the content in the lines below, two spaces in
//   elf /usr/sbin/sshd interp=/lib64/ld-linux-x86-64.so.2 needed=libsystemd.so.0,libc.so.6   (tests/support/elf_maker.h)
//   link /lib -> usr/lib               hard /usr/b -> usr/a
//   whiteout /etc/x                    opaque /dir
#pragma once
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/text.h"
#include "elf_maker.h"
#include "facts/collector.h"
#include "facts/image_facts.h"

namespace careen::test {

// A tar in memory: ustar, with pax records for what does not fit.
class TarMaker {
 public:
  TarMaker& add(const std::string& path, char type, uint32_t mode, const std::string& content, const std::string& link = "") {
    if (path.size() > 100 || link.size() > 100) {
      std::string records = record("path", path) + (link.empty() ? "" : record("linkpath", link));
      header("pax", 'x', 0644, records.size(), "");
      body(records);
    }
    header(path.substr(0, 100), type, mode, content.size(), link.substr(0, 100));
    body(content);
    return *this;
  }
  TarMaker& file(const std::string& path, const std::string& content, uint32_t mode = 0644) { return add(path, '0', mode, content); }
  TarMaker& dir(const std::string& path, uint32_t mode = 0755) { return add(path, '5', mode, ""); }
  TarMaker& link(const std::string& path, const std::string& to) { return add(path, '2', 0777, "", to); }
  TarMaker& hard(const std::string& path, const std::string& to) { return add(path, '1', 0644, "", to); }
  // A file in the form of pax 0.1 sparse files, with one fragment after another.
  TarMaker& sparse(const std::string& path, const std::string& content, const std::vector<std::pair<size_t, size_t>>& fragments) {
    std::string map, stored;
    for (const auto& [at, size] : fragments) {
      map += (map.empty() ? "" : ",") + std::to_string(at) + "," + std::to_string(size);
      stored += content.substr(at, size);
    }
    std::string records = record("GNU.sparse.major", "0") + record("GNU.sparse.minor", "1") + record("GNU.sparse.name", path) +
                          record("GNU.sparse.size", std::to_string(content.size())) + record("GNU.sparse.numblocks", std::to_string(fragments.size())) +
                          record("GNU.sparse.map", map);
    header("pax", 'x', 0644, records.size(), "");
    body(records);
    header("GNUSparseFile.0/x", '0', 0755, stored.size(), "");
    body(stored);
    return *this;
  }
  std::string text() const { return out_ + std::string(1024, '\0'); }
  const std::string& open_text() const { return out_; }  // without the end of the archive

 private:
  static std::string record(const std::string& key, const std::string& value) {
    size_t size = key.size() + value.size() + 3, digits = std::to_string(size).size();
    if (std::to_string(size + digits).size() > digits) ++digits;
    return std::to_string(size + digits) + " " + key + "=" + value + "\n";
  }
  static void octal(std::string& h, size_t at, size_t n, uint64_t v) {
    for (size_t i = n - 1; i-- > 0; v /= 8) h[at + i] = static_cast<char>('0' + v % 8);
  }
  void header(const std::string& path, char type, uint32_t mode, uint64_t size, const std::string& link) {
    std::string h(512, '\0');
    h.replace(0, path.size(), path);
    octal(h, 100, 8, mode), octal(h, 108, 8, 0), octal(h, 116, 8, 0), octal(h, 124, 12, size), octal(h, 136, 12, 1'700'000'000);
    h[156] = type;
    h.replace(157, link.size(), link);
    h.replace(257, 8,
              std::string("ustar\0"
                          "00",
                          8));
    h.replace(148, 8, "        ");
    unsigned sum = 0;
    for (char c : h) sum += static_cast<uint8_t>(c);
    octal(h, 148, 7, sum);
    h[154] = '\0';
    out_ += h;
  }
  void body(const std::string& b) {
    out_ += b;
    out_.resize((out_.size() + 511) / 512 * 512);
  }
  std::string out_;
};

// Hands out at most `most` bytes at once, as a slow peer or an awkward decoder does.
class DripSource : public ByteSource {
 public:
  DripSource(Bytes data, size_t most) : from_(data), most_(most) {}
  Result<size_t> read(std::span<uint8_t> into) override { return from_.read(into.first(std::min(into.size(), most_))); }

 private:
  MemorySource from_;
  size_t most_;
};

// Collects a layer from a tar; `drip` bounds one read. Its diff ID is the tar's digest.
inline std::shared_ptr<LayerFacts> collect_tar(const std::string& tar, CollectOptions options = {}, size_t drip = SIZE_MAX, bool* whole = nullptr) {
  auto facts = std::make_shared<LayerFacts>();
  DripSource bytes(as_bytes(tar), drip);
  Chunked chunks(bytes);
  TarReader reader(chunks);
  bool ok = Collector(std::move(options), *facts).collect(reader);
  if (whole != nullptr) *whole = ok;
  facts->diff_id = digest_of(as_bytes(tar));
  facts->size = tar.size();
  return facts;
}

class ImageText {
 public:
  explicit ImageText(std::string_view text) {
    for (std::string_view line : split(text, '\n')) lines_.push_back(line);
    tars_.emplace_back();
    while (at_ < lines_.size()) entry(lines_[at_++]);
  }
  std::vector<std::string> tars() const {
    std::vector<std::string> out;
    for (const TarMaker& t : tars_) out.push_back(t.text());
    return out;
  }

 private:
  static std::string relative(std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    return std::string(path);
  }
  static uint32_t mode(std::string_view octal, uint32_t otherwise) {
    if (octal.empty() || octal[0] != '0') return otherwise;
    uint32_t v = 0;
    for (char c : octal) v = v * 8 + static_cast<uint32_t>(c - '0');
    return v;
  }
  static std::string unquote(std::string_view s) {
    std::string out;
    for (size_t i = 0; i < s.size(); ++i) {
      if (s[i] != '\\' || i + 1 >= s.size()) {
        out += s[i];
        continue;
      }
      char c = s[++i];
      if (c == 'n')
        out += '\n';
      else if (c == 't')
        out += '\t';
      else if (c == 'x')
        out += static_cast<char>((*from_hex(s.substr(i + 1, 2)))[0]), i += 2;
      else
        out += c;
    }
    return out;
  }

  void entry(std::string_view line) {
    auto w = words(line);
    if (w.empty() || w[0].starts_with('#')) return;
    if (w[0] == "layer") return void(tars_.emplace_back());
    if (w.size() < 2) throw std::invalid_argument("image text: " + std::string(line));
    TarMaker& tar = tars_.back();
    std::string path = relative(w[1]);
    if (w[0] == "dir")
      tar.dir(path + "/", mode(w.size() > 2 ? w[2] : "", 0755));
    else if (w[0] == "file")
      tar.file(path, content(line), mode(w.size() > 2 ? w[2] : "", 0644));
    else if (w[0] == "elf")
      tar.file(path, make_elf(elf(w)), 0755);
    else if (w[0] == "link" && w.size() == 4)
      tar.link(path, std::string(w[3]));
    else if (w[0] == "hard" && w.size() == 4)
      tar.hard(path, relative(w[3]));
    else if (w[0] == "whiteout")
      tar.file(below(std::string(dir_name(path)), ".wh." + std::string(base_name(path))), "");
    else if (w[0] == "opaque")
      tar.file(below(path, ".wh..wh..opq"), "");
    else
      throw std::invalid_argument("image text: " + std::string(line));
  }

  static std::string below(const std::string& dir, const std::string& name) { return dir.empty() ? name : dir + "/" + name; }

  std::string content(std::string_view line) {
    if (line.ends_with(" |")) {
      std::string out;
      for (; at_ < lines_.size() && (lines_[at_].starts_with("  ") || lines_[at_].empty()); ++at_)
        out += std::string(lines_[at_].substr(std::min<size_t>(2, lines_[at_].size()))) + "\n";
      return out;
    }
    size_t begin = line.find('"'), end = line.rfind('"');
    return begin == std::string_view::npos || end == begin ? "" : unquote(line.substr(begin + 1, end - begin - 1));
  }

  static ElfSpec elf(const std::vector<std::string_view>& w) {
    ElfSpec s;
    auto list = [](std::string_view v) {
      std::vector<std::string> out;
      for (std::string_view x : split(v, ',')) out.emplace_back(x);
      return out;
    };
    for (size_t i = 2; i < w.size(); ++i) {
      size_t eq = w[i].find('=');
      std::string_view key = w[i].substr(0, eq), value = eq == std::string_view::npos ? std::string_view{} : w[i].substr(eq + 1);
      if (key == "interp")
        s.interpreter = value;
      else if (key == "program")
        s.interpreter = "/lib64/ld-linux-x86-64.so.2";
      else if (key == "static")
        s.type = 2, s.dynamic = false;
      else if (key == "soname")
        s.soname = value;
      else if (key == "rpath")
        s.rpath = value;
      else if (key == "runpath")
        s.runpath = value;
      else if (key == "needed")
        s.needed = list(value);
      else if (key == "imports")
        s.imports = list(value);
      else if (key == "exports")
        s.exports = list(value);
      else if (key == "strings")
        s.strings = list(value);
      else if (key == "dlopen")
        s.dlopen_note = value;
      else if (key == "machine")
        s.machine = static_cast<uint16_t>(*to_number(value));
      else if (key == "class")
        s.is64 = value != "32";
      else if (key == "entry")
        s.entry = *to_number(value);
      else if (key == "type")
        s.type = static_cast<uint16_t>(*to_number(value));
      else
        throw std::invalid_argument("image text: elf " + std::string(w[i]));
    }
    return s;
  }

  std::vector<std::string_view> lines_;
  size_t at_ = 0;
  std::vector<TarMaker> tars_;
};

inline std::vector<std::shared_ptr<const LayerFacts>> layers_of_text(std::string_view text, const CollectOptions& options = {}) {
  std::vector<std::shared_ptr<const LayerFacts>> out;
  for (const std::string& tar : ImageText(text).tars()) out.push_back(collect_tar(tar, options));
  return out;
}

inline ImageFacts facts_of_text(std::string_view text) {
  return build_image_facts(layers_of_text(text));
}

// The merged tree as lines "path" (directories with a slash behind, links with their target), for comparing.
inline std::vector<std::string> tree_lines(const ImageTree& tree) {
  std::vector<std::string> out;
  tree.walk([&](NodeId id) {
    std::string line = tree.path(id);
    if (tree.node(id).type == FileType::directory) line += '/';
    if (tree.node(id).type == FileType::symlink) line += " -> " + std::string(tree.target(id));
    out.push_back(line);
  });
  return out;
}

}  // namespace careen::test
