#include "worker/package_file.h"

#include "archive/ar.h"
#include "archive/decompress.h"
#include "base/text.h"
#include "formats/apk.h"
#include "formats/dpkg.h"
#include "formats/rpm_header.h"

namespace careen {
namespace {

constexpr size_t kRpmLead = 96;
constexpr size_t kFirst = 512;                 // a tar header, the longest of the beginnings
constexpr uint64_t kMaxControl = 16ULL << 20;  // the control files of a package
constexpr uint64_t kMaxRpmHead = 300ULL << 20;

void damaged(LayerFacts& facts, const std::string& why) {
  facts.coverage.push_back({Question::content, CoverageState::partly, "", why});
}

// A compressed tar inside an ar member.
std::unique_ptr<Decompressor> inflate_member(const std::string& name, ByteSource& member) {
  Compression c = name.ends_with(".gz")    ? Compression::gzip
                  : name.ends_with(".xz")  ? Compression::xz
                  : name.ends_with(".zst") ? Compression::zstd
                  : name.ends_with(".bz2") ? Compression::bzip2
                                           : Compression::none;
  return open_decompressor(c, member);
}

Result<void> read_control(const std::string& member_name, ByteSource& member, LayerFacts& facts, std::string* package) {
  auto inflated = inflate_member(member_name, member);
  Chunked chunks(*inflated);
  TarReader tar(chunks);
  TarEntry e;
  std::string md5sums;
  for (;;) {
    CAREEN_ASSIGN(bool more, tar.next(e));
    if (!more) break;
    std::string name = normal_path(e.path);
    if (e.type != FileType::regular || (name != "control" && name != "md5sums")) continue;
    if (e.size > kMaxControl) {
      facts.coverage.push_back({Question::packages, CoverageState::partly, name, "larger than 16 MiB (kMaxControl)"});
      continue;
    }
    std::string text;
    for (;;) {
      CAREEN_ASSIGN(Bytes part, tar.content());
      if (part.empty()) break;
      text += as_text(part);
    }
    if (name == "md5sums") {
      md5sums = std::move(text);
      continue;
    }
    PackageFile f;
    size_t problems = 0;
    f.packages = parse_dpkg_status(text, &problems);
    f.path = "var/lib/dpkg/status";
    if (!f.packages.empty()) *package = f.packages[0].name;
    facts.databases.push_back(std::move(f));
  }
  PackageFile sums;
  sums.path = "var/lib/dpkg/info/" + *package + ".md5sums";
  sums.kind = DatabaseKind::dpkg_md5sums;
  sums.text = std::move(md5sums);
  facts.databases.push_back(std::move(sums));
  return {};
}

Result<void> read_deb(ByteSource& input, Collector& collector, LayerFacts& facts) {
  ArReader ar(input);
  std::string name, package;
  uint64_t size = 0;
  bool data = false;
  for (;;) {
    CAREEN_ASSIGN(bool more, ar.next(&name, &size));
    if (!more) break;
    if (name.starts_with("control.tar")) CAREEN_TRY(read_control(name, ar.member(), facts, &package));
    if (name.starts_with("data.tar")) {
      auto inflated = inflate_member(name, ar.member());
      Chunked chunks(*inflated);
      TarReader tar(chunks);
      collector.collect(tar);
      data = true;
    }
  }
  if (!data) damaged(facts, "the package has no data member");
  return {};
}

Result<void> read_rpm(ByteSource& input, Collector& collector) {
  // The two headers are read into memory; the payload streams.
  std::string head;
  std::vector<uint8_t> buffer(64 << 10);
  auto want = [&](uint64_t n) -> Result<void> {
    if (n > kMaxRpmHead) return Error{Errc::limit, "rpm headers larger than 300 MiB (kMaxRpmHead)"};
    while (head.size() < n) {
      CAREEN_ASSIGN(size_t got, input.read(std::span(buffer).first(std::min<size_t>(buffer.size(), n - head.size()))));
      if (got == 0) return Error{Errc::truncated, "rpm: ends inside its headers"};
      head += as_text(Bytes(buffer).first(got));
    }
    return {};
  };
  auto header = [&](uint64_t at, uint64_t* end) -> Result<Bytes> {
    CAREEN_TRY(want(at + 16));
    const auto* p = as_bytes(head).data() + at;
    CAREEN_TRY(want(at + 16 + uint64_t{load<uint32_t>(p + 8, Endian::big)} * 16 + load<uint32_t>(p + 12, Endian::big)));
    return rpm_header_at(as_bytes(head), at, end);
  };
  uint64_t end = 0;
  CAREEN_TRY(header(96, &end));
  CAREEN_ASSIGN(Bytes main, header((end + 7) / 8 * 8, &end));
  CAREEN_ASSIGN(Package p, parse_rpm_header(main));
  collector.add_package(std::move(p), "var/lib/rpm/Packages");
  std::vector<uint8_t> magic(kMagicBytes);
  CAREEN_ASSIGN(size_t n, input.read(magic));
  magic.resize(n);
  PrefixedSource rest(magic, input);
  auto inflated = open_decompressor(recognise_compression(magic), rest);
  Chunked chunks(*inflated);
  CpioReader cpio(chunks);
  collector.collect(cpio);
  return {};
}

// An apk of version 2: a signature, the control files and the data, each a gzip member, together one tar stream.
Result<void> read_apk(ByteSource& input, Collector& collector, LayerFacts& facts) {
  auto inflated = open_decompressor(Compression::gzip, input);
  Chunked chunks(*inflated);
  TarReader tar(chunks);
  collector.collect(tar);
  bool known = false;
  for (const StoredText& t : facts.texts)
    if (t.path == ".PKGINFO") {
      Package p = parse_apk_pkginfo(t.text);
      known = !p.name.empty();
      if (known) collector.add_package(std::move(p), "lib/apk/db/installed");
      break;
    }
  if (!known) facts.coverage.push_back({Question::packages, CoverageState::partly, ".PKGINFO", "the package does not say what it is"});
  return {};
}

// Why a file that is looked at as it stands may hold more than its bytes show; "" when it is no container.
std::string unread_container(Bytes first) {
  std::string_view t = as_text(first);
  if (t.starts_with("ADBd") || t.starts_with("ADB.") || t.starts_with("ADBc")) return "an .apk of version 3";
  if (t.starts_with("!<arch>\n") || t.starts_with("!<thin>\n")) return "an ar archive";
  if (t.starts_with("PK\x03\x04")) return "a zip archive";
  if (t.starts_with("7z\xbc\xaf")) return "a 7z archive";
  if (t.size() >= 262 && t.substr(257, 5) == "ustar") return "a tar archive";
  if (t.starts_with("070701") || t.starts_with("070702")) return "a cpio archive";
  return recognise_compression(first) != Compression::none ? "compressed" : "";
}

}  // namespace

Result<void> read_package_file(const std::string& name, uint64_t size, ByteSource& input, Collector& collector, LayerFacts& facts) {
  std::vector<uint8_t> first(kFirst);
  size_t have = 0;
  while (have < first.size()) {
    CAREEN_ASSIGN(size_t n, input.read(std::span(first).subspan(have)));
    if (n == 0) break;
    have += n;
  }
  first.resize(have);
  std::string_view t = as_text(first);
  PrefixedSource whole(std::vector<uint8_t>(first), input);
  auto ok = [&]() -> Result<void> {
    if (t.starts_with("!<arch>\ndebian")) return read_deb(whole, collector, facts);
    if (t.starts_with("\xed\xab\xee\xdb") && have >= kRpmLead) {
      PrefixedSource again(std::vector<uint8_t>(first), input);
      return read_rpm(again, collector);
    }
    if (name.ends_with(".apk") && recognise_compression(first) == Compression::gzip) return read_apk(whole, collector, facts);
    if (std::string form = unread_container(first); !form.empty())
      facts.coverage.push_back({Question::content, CoverageState::partly, "",
                                "the file is " + form + ", and what is inside was not read: file: reads an ELF file, a .deb, a .rpm or an .apk of version 2"});
    Chunked chunks(whole);
    return collector.collect_file(std::string(base_name(name)), 0755, size, chunks);
  }();
  if (!ok) damaged(facts, ok.error().what);
  return {};
}

}  // namespace careen
