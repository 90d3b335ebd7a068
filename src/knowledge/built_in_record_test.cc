// The built-in record of the XZ backdoor against the published facts, and against the traps that a scanner falls into.
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "base/text.h"
#include "knowledge/threat_set.h"
#include "knowledge/version.h"

namespace careen {
namespace {

using testing::SizeIs;

const Threat& xz() {
  static const Threat threat = [] {
    auto set = load_threats({});
    const Threat* t = set ? set->find("CVE-2024-3094") : nullptr;
    return t == nullptr ? Threat{} : *t;
  }();
  return threat;
}

std::set<std::string> hex_of(const std::vector<DigestIndicator>& list) {
  std::set<std::string> out;
  for (const DigestIndicator& d : list) out.emplace(d.digest.hex());
  return out;
}

// Whether a version indicator holds a package. A mirror of what the record promises, not of how it is matched.
bool affected(PackageType type, std::string_view name, std::string_view distribution, std::string_view architecture, std::string_view version) {
  auto has = [](const std::vector<std::string>& list, std::string_view v) { return list.empty() || std::find(list.begin(), list.end(), v) != list.end(); };
  for (const VersionIndicator& v : xz().versions) {
    if (v.type != type || !has(v.packages, name) || !has(v.distributions, distribution) || !has(v.architectures, architecture)) continue;
    if (std::any_of(v.except.begin(), v.except.end(), [&](const std::string& g) { return glob_match(g, version); })) continue;
    auto low = v.from.empty() ? 1 : compare_versions(type, version, v.from).value_or(-1);
    auto high = v.to.empty() ? -1 : compare_versions(type, version, v.to).value_or(1);
    if (low >= 0 && high <= 0 && (v.before.empty() || compare_versions(type, version, v.before).value_or(1) < 0)) return true;
  }
  return false;
}
bool debian(std::string_view version, std::string_view architecture = "amd64", std::string_view name = "liblzma5") {
  return affected(PackageType::deb, name, "debian", architecture, version);
}

TEST(XzRecord, IsThere) {
  EXPECT_EQ(xz().id, "CVE-2024-3094");
  EXPECT_EQ(xz().severity, Severity::critical);
  EXPECT_EQ(xz().kind, "backdoor");
}

TEST(XzRecord, NamesEachDigestOnce) {
  EXPECT_EQ(hex_of(xz().manifests).size(), xz().manifests.size());
  EXPECT_EQ(hex_of(xz().layers).size(), xz().layers.size());
  EXPECT_EQ(hex_of(xz().files).size(), xz().files.size());
}

TEST(XzRecord, Names35ManifestsAnd8Layers) {
  EXPECT_THAT(xz().manifests, SizeIs(12 + 23));
  EXPECT_THAT(xz().layers, SizeIs(8));
  for (const DigestIndicator& l : xz().layers) EXPECT_THAT(l.files, testing::ElementsAre("usr/lib/x86_64-linux-gnu/liblzma.so.5.6.0")) << l.digest.text();
}

TEST(XzRecord, HoldsTheInfectedDebianVersions) {
  for (const char* v : {"5.5.1alpha-0.1", "5.5.1beta-1", "5.5.2beta-1", "5.6.0-0.1", "5.6.0-0.2", "5.6.1-1"}) EXPECT_TRUE(debian(v)) << v;
  for (const char* d : {"debian", "ubuntu", "kali"}) EXPECT_TRUE(affected(PackageType::deb, "liblzma5", d, "amd64", "5.6.0-0.2")) << d;
}

TEST(XzRecord, DoesNotHoldTheTraps) {
  for (const char* v : {"5.4.5-0.3", "5.4.1-0.2", "5.6.1+really5.4.5-1", "5.6.1+really5.4.5-1ubuntu0.1", "5.6.1+really5.4.5-1build0.1", "5.6.2-1", "5.8.1-1"})
    EXPECT_FALSE(debian(v)) << v;
  for (const char* a : {"arm64", "i386", "riscv64", "all"}) EXPECT_FALSE(debian("5.6.0-0.2", a)) << a;
  EXPECT_FALSE(debian("5.6.0-0.2", "amd64", "liblzma-dev")) << "the package does not carry the library";
  EXPECT_FALSE(affected(PackageType::alpm, "xz", "arch", "x86_64", "5.6.1-1")) << "Arch's build left the code out";
  EXPECT_FALSE(affected(PackageType::alpm, "xz", "arch", "x86_64", "5.6.1-2"));
  EXPECT_FALSE(affected(PackageType::apk, "xz-libs", "alpine", "x86_64", "5.6.1-r0")) << "Alpine has no IFUNC";
}

TEST(XzRecord, HoldsTheRpmBuildsOfFedoraAndSuse) {
  for (const char* v : {"5.6.0-1.fc41", "5.6.0-2.fc40", "5.6.1-1.fc41"}) EXPECT_TRUE(affected(PackageType::rpm, "xz-libs", "fedora", "x86_64", v)) << v;
  for (const char* v : {"5.6.0-1.1", "5.6.1-1.1"}) EXPECT_TRUE(affected(PackageType::rpm, "liblzma5", "opensuse-tumbleweed", "x86_64", v)) << v;
  EXPECT_FALSE(affected(PackageType::rpm, "liblzma5", "opensuse-tumbleweed", "x86_64", "5.6.1.revertto5.4-3.2"));
  EXPECT_FALSE(affected(PackageType::rpm, "xz-libs", "fedora", "x86_64", "5.4.6-3.fc40"));
  EXPECT_FALSE(affected(PackageType::rpm, "xz-libs", "fedora", "x86_64", "5.6.2-1.fc41"));
  EXPECT_FALSE(affected(PackageType::rpm, "xz-libs", "fedora", "aarch64", "5.6.0-1.fc41"));
  EXPECT_FALSE(affected(PackageType::rpm, "xz-libs", "rhel", "x86_64", "5.6.0-1.el10"));
}

TEST(XzRecord, CarriersThatDoNothingAreNotCritical) {
  size_t low = 0;
  for (const DigestIndicator& f : xz().files) {
    bool carrier = f.note.find("tests/files/") != std::string::npos;
    EXPECT_EQ(carrier, f.severity == Severity::low) << f.note;
    low += carrier ? 1 : 0;
  }
  EXPECT_EQ(low, 4U);
}

TEST(XzRecord, TextOfTheBuildScriptAloneConfirmsNothing) {
  for (const PatternRule& r : xz().rules) {
    bool script = std::any_of(r.any.begin(), r.any.end(), [](const std::string& id) { return id.find("script") != std::string::npos; });
    EXPECT_EQ(r.suspected, script) << r.id;
  }
}

TEST(XzRecord, ItsPatternsCompileAndStandInARule) {
  auto set = PatternSet::compile(xz().patterns);
  ASSERT_TRUE(set) << set.error().what;
  std::set<std::string> named;
  for (const PatternRule& r : xz().rules) {
    named.insert(r.all.begin(), r.all.end());
    named.insert(r.any.begin(), r.any.end());
  }
  for (const PatternSpec& p : xz().patterns) EXPECT_TRUE(named.contains(p.id)) << p.id;
}

TEST(XzRecord, ItActsInSshOnX86Alone) {
  EXPECT_THAT(xz().conditions.architectures, testing::ElementsAre("amd64"));
  auto acts_in = [](std::string_view program) {
    return std::any_of(xz().conditions.programs.begin(), xz().conditions.programs.end(), [&](const std::string& g) { return glob_match(g, program); });
  };
  EXPECT_TRUE(acts_in("usr/sbin/sshd"));
  EXPECT_TRUE(acts_in("usr/lib/openssh/sshd-session"));
  EXPECT_FALSE(acts_in("usr/bin/ssh"));
  EXPECT_FALSE(acts_in("usr/bin/xz"));
}

// None of the patterns may stand as bytes in the record's own text: a scan of careen itself would find it.
TEST(XzRecord, ItsOwnTextMatchesNoneOfItsPatterns) {
  std::string here = __FILE__;
  std::ifstream in(std::string(dir_name(here)) + "/threats/CVE-2024-3094.yaml");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  ASSERT_FALSE(text.empty());
  for (const PatternSpec& p : xz().patterns) EXPECT_TRUE(!p.any_file || text.find(as_text(p.bytes)) == std::string::npos) << p.id;
}

// The published facts lie beside the repository where there are any.
class XzFacts : public testing::Test {
 protected:
  void SetUp() override {
    std::string here = __FILE__;
    for (int i = 0; i < 4; ++i) here = std::string(dir_name(here));
    std::ifstream in(here + "/shared/facts/xz.md");
    if (!in) GTEST_SKIP() << "shared/facts/xz.md is not beside the repository";
    text_.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::string section(const std::string& from, const std::string& to) const {
    size_t a = text_.find(from), b = text_.find(to, a);
    EXPECT_NE(a, std::string::npos) << from;
    EXPECT_NE(b, std::string::npos) << to;
    return text_.substr(a, b - a);
  }
  // Every run of 64 hex digits.
  static std::set<std::string> digests(const std::string& text) {
    std::set<std::string> out;
    for (size_t at = 0; (at = text.find_first_of("0123456789abcdef", at)) != std::string::npos;) {
      size_t end = std::min(text.find_first_not_of("0123456789abcdef", at), text.size());
      if (end - at == 64) out.insert(text.substr(at, 64));
      at = end;
    }
    return out;
  }
  std::string text_;
};

TEST_F(XzFacts, EveryManifestAndLayerIsInTheRecord) {
  std::set<std::string> manifests, layers;
  std::istringstream rows(section("### 2.1", "amd64 rootfs"));
  for (std::string line; std::getline(rows, line);) {
    auto cells = split(line, '|');
    if (cells.size() < 5) continue;
    manifests.merge(digests(std::string(cells[2])));
    layers.merge(digests(std::string(cells[3])));
  }
  EXPECT_THAT(manifests, SizeIs(12));
  EXPECT_THAT(layers, SizeIs(8));
  auto second = digests(section("### 2.2", "Further Dockerfiles"));
  EXPECT_THAT(second, SizeIs(23));
  manifests.merge(second);
  EXPECT_EQ(hex_of(xz().manifests), manifests);
  EXPECT_EQ(hex_of(xz().layers), layers);
}

TEST_F(XzFacts, EveryFileDigestIsInTheRecord) {
  EXPECT_EQ(hex_of(xz().files), digests(section("### 1.3", "### 1.4")));
}

TEST_F(XzFacts, EveryByteSignatureOnDiskIsInTheRecord) {
  // Runs of eight bytes and more, as the tables of signatures show them.
  std::string text = section("### 1.4", "### 1.5"), wild = "\x3f\x3f", plain = lower(text);
  for (char& c : plain)
    if (c == '`' || c == ':' || c == ',' || c == '\n') c = ' ';
  plain += " end";
  std::set<std::string> want;
  std::vector<std::string> run;
  for (std::string_view w : words(plain)) {
    if (w.size() == 2 && (w == wild || from_hex(w))) {
      run.emplace_back(w);
      continue;
    }
    if (run.size() >= 8) want.insert(join(run, " "));
    run.clear();
  }
  std::erase_if(want, [](const std::string& s) { return s.starts_with("0a 31 fd"); });  // a key that is encrypted on disk
  std::set<std::string> have;
  for (const PatternSpec& p : xz().patterns) {
    std::string s;
    for (size_t i = 0; i < p.bytes.size(); ++i) s += (i == 0 ? "" : " ") + (p.wild[i] != 0 ? wild : to_hex(&p.bytes[i], 1));
    have.insert(s);
  }
  EXPECT_GE(want.size(), 9U);
  for (const std::string& w : want) EXPECT_TRUE(have.contains(w)) << w;
  for (const PatternSpec& p : xz().patterns) EXPECT_TRUE(p.window == 0 || text.find(to_hex(p.window_sha256.data(), 32)) != std::string::npos) << p.id;
}

}  // namespace
}  // namespace careen
