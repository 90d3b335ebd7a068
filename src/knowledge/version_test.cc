#include "knowledge/version.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>

#include "../../tests/support/shared_archive.h"
#include "base/text.h"

namespace careen {
namespace {

int sign(int v) {
  return v < 0 ? -1 : v > 0 ? 1 : 0;
}
char op_of(int v) {
  return v < 0 ? '<' : v > 0 ? '>' : '=';
}

std::optional<std::string> output_of(const std::string& command) {
  FILE* p = ::popen(command.c_str(), "r");
  if (p == nullptr) return std::nullopt;
  std::string out;
  std::array<char, 4096> b;
  for (size_t n = 0; (n = std::fread(b.data(), 1, b.size(), p)) != 0;) out.append(b.data(), n);
  return ::pclose(p) == 0 ? std::optional(out) : std::nullopt;
}

// A list of versions of which each is before the next: every pair of it, both ways.
void expect_ordered(const std::vector<std::string>& all, const std::function<int(std::string_view, std::string_view)>& compare) {
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t k = 0; k < all.size(); ++k) EXPECT_EQ(sign(compare(all[i], all[k])), i < k ? -1 : i > k ? 1 : 0) << all[i] << " and " << all[k];
}

TEST(DebOrder, IsThatOfTheManual) {
  expect_ordered({"~~", "~~a", "~", "", "a"}, compare_deb);
  expect_ordered({"1.0~rc1", "1.0", "1.0-1", "1.0-1+b1", "1.0a", "1.0+dfsg", "1.0.1", "1.9", "1.10", "2", "1:0"}, compare_deb);
}

TEST(DebOrder, NumbersMayBeOfAnyLength) {
  EXPECT_LT(compare_deb("1.99999999999999999999999999", "1.100000000000000000000000000"), 0);
  EXPECT_EQ(compare_deb("1.0000000000000000000000000001", "1.1"), 0);
  EXPECT_LT(compare_deb("99999999999999999999:1", "100000000000000000000:0"), 0);
}

TEST(DebOrder, WhatIsLeftOutIsZero) {
  EXPECT_EQ(compare_deb("1", "0:1-0"), 0);
  EXPECT_EQ(compare_deb("1.", "1.0"), 0);
  EXPECT_EQ(compare_deb("", ""), 0);
}

TEST(DebOrder, TheTrapOfXzIsNewerThanWhatItReplaced) {
  expect_ordered({"5.4.5-0.3", "5.5.1alpha-0.1", "5.6.0-0.2", "5.6.1-1", "5.6.1+really5.4.5-1", "5.6.2-1"}, compare_deb);
}

TEST(RpmOrder, IsThatOfRpmvercmp) {
  expect_ordered({"1.0~rc1", "1.0~rc1^git1", "1.0", "1.0^20160101", "1.0.a", "1.0.1", "1.1", "2", "10"}, compare_rpm);
  EXPECT_EQ(compare_rpm("1.0", "1_0"), 0);
  EXPECT_EQ(compare_rpm("1.01", "1.1"), 0);
  EXPECT_LT(compare_rpm("a", "1"), 0);
}

TEST(RpmOrder, AMissingReleaseMatchesAny) {
  EXPECT_EQ(compare_rpm("5.6.1", "5.6.1-4.fc40"), 0);
  EXPECT_EQ(compare_rpm("5.6.1-1", "5.6.1"), 0);
  EXPECT_LT(compare_rpm("5.6.1-1", "5.6.1-2"), 0);
  EXPECT_LT(compare_rpm("5.6.1-9", "5.6.2"), 0);
  EXPECT_LT(compare_rpm("9-9", "1:1-1"), 0);
}

TEST(AlpmOrder, IsThatOfTheManual) {
  expect_ordered({"1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1"}, compare_alpm);
  expect_ordered({"1", "1.0", "1.1", "1.1.1", "1.2", "2.0", "3.0.0", "1:0.1"}, compare_alpm);
  EXPECT_EQ(compare_alpm("1.0", "1.0-1"), 0);
  EXPECT_LT(compare_alpm("1.0-1", "1.0-2"), 0);
}

TEST(AlpmOrder, FollowsVercmpInOddCases) {
  // What pacman's own vercmp says of them.
  const std::array<std::tuple<const char*, const char*, int>, 12> cases{{{"1.5.0", "1.5.0", 0},
                                                                         {"1.5.1", "1.5", 1},
                                                                         {"1.5.b", "1.5", 1},
                                                                         {"1.5b", "1.5", -1},
                                                                         {"1.5.b", "1.5b", 1},
                                                                         {"2.0", "2_0", 0},
                                                                         {"2.0", "2__0", -1},
                                                                         {"2.0a", "2.0.a", -1},
                                                                         {"2___a", "2_a", 1},
                                                                         {"0:1.0", "1.0", 0},
                                                                         {"1:1.0", "0:1.1", 1},
                                                                         {"1.0.", "1.0", 1}}};
  for (const auto& [a, b, want] : cases) {
    EXPECT_EQ(sign(compare_alpm(a, b)), want) << a << " " << b;
    EXPECT_EQ(sign(compare_alpm(b, a)), -want) << b << " " << a;
  }
}

TEST(ApkOrder, IsThatOfApk) {
  auto apk = [](std::string_view a, std::string_view b) { return compare_apk(a, b).value_or(99); };
  expect_ordered({"1.0_alpha", "1.0_alpha2", "1.0_beta", "1.0_pre", "1.0_rc1", "1.0", "1.0-r1", "1.0_cvs1", "1.0_svn1", "1.0_git1", "1.0_hg1", "1.0_p1", "1.0a",
                  "1.0.1", "1.1", "1.10", "2"},
                 apk);
  EXPECT_LT(apk("1.05", "1.5"), 0);
  EXPECT_LT(apk("99999999999999999999", "100000000000000000000"), 0);
}

TEST(ApkOrder, WhatIsNoApkVersionHasNoOrder) {
  for (const char* odd : {"", "a", "1.", "1..2", "1_foo", "1-2", "1-r", "1-r1-r2", "1.0bc", "1.0A", "1~", "1 ", "1:2", "1_", "1.0\n"})
    EXPECT_FALSE(compare_apk("1.0", odd)) << odd;
}

TEST(Versions, AreOrderedByTheirPackagesSystem) {
  EXPECT_GT(*compare_versions(PackageType::deb, "1.0+a", "1.0a"), 0);
  EXPECT_LT(*compare_versions(PackageType::alpm, "1.0a", "1.0"), 0);
  EXPECT_GT(*compare_versions(PackageType::rpm, "1.0a", "1.0"), 0);
  EXPECT_FALSE(compare_versions(PackageType::apk, "x", "1"));
}

// The published vectors lie beside the repository where there are any; they are not part of it.
class Vectors : public test::SharedArchive {
 protected:
  void SetUp() override { unpack("version-vectors"); }

  // Calls f(a, op, b) for each line "a op b".
  size_t each(const std::string& name, const std::function<void(std::string_view, std::string_view, std::string_view)>& f) {
    std::ifstream in(unpacked() + "/version-vectors/" + name);
    size_t lines = 0;
    for (std::string line; std::getline(in, line);) {
      size_t comment = std::min(line.find('#'), line.find("//"));
      auto w = words(std::string_view(line).substr(0, comment));
      if (w.empty()) continue;
      ++lines;
      f(w[0], w.size() > 1 ? w[1] : std::string_view{}, w.size() > 2 ? w[2] : std::string_view{});
    }
    return lines;
  }
};

TEST_F(Vectors, OfDebianHold) {
  EXPECT_GT(each("osv-scalibr/debian-versions.txt",
                 [](auto a, auto op, auto b) {
                   EXPECT_EQ(op_of(compare_deb(a, b)), op[0]) << a << " " << op << " " << b;
                   EXPECT_EQ(op_of(-compare_deb(b, a)), op[0]) << b << " and " << a;
                 }),
            20U);
}

TEST_F(Vectors, OfRpmHold) {
  EXPECT_GT(each("osv-scalibr/redhat-versions.txt",
                 [](auto a, auto op, auto b) {
                   char want = op[0];
                   // There a missing release is the oldest; here it matches any, as in a dependency.
                   bool one_release = (a.find('-') == a.npos) != (b.find('-') == b.npos);
                   if (one_release && compare_rpm(a.substr(0, a.find('-')), b.substr(0, b.find('-'))) == 0) want = '=';
                   EXPECT_EQ(op_of(compare_rpm(a, b)), want) << a << " " << op << " " << b;
                   EXPECT_EQ(op_of(-compare_rpm(b, a)), want) << b << " and " << a;
                 }),
            100U);
}

// Whether a text is digits{.digits}{letter}{_suffix{digits}}{~hash}{-rdigits}, cut from its end.
bool is_apk_version(std::string_view v) {
  auto drop = [&](std::string_view set) {
    size_t n = v.size();
    while (!v.empty() && set.find(v.back()) != std::string_view::npos) v.remove_suffix(1);
    return n - v.size();
  };
  auto cut = [&](size_t at, std::string_view set, size_t skip) {  // what stands from `at` on is a mark of `skip` bytes and more of the set
    if (at == v.npos) return true;
    std::string_view rest = v.substr(at + skip);
    v = v.substr(0, at);
    return !rest.empty() && rest.find_first_not_of(set) == rest.npos;
  };
  if (!cut(v.find("-r"), "0123456789", 2) || !cut(v.find('~'), "0123456789abcdef", 1)) return false;
  for (size_t at = 0; (at = v.rfind('_')) != v.npos; v = v.substr(0, at)) {
    std::string_view word = v.substr(at + 1);
    word = word.substr(0, std::min(word.find_first_of("0123456789"), word.size()));
    static constexpr std::array<std::string_view, 9> kWords{"alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"};
    if (std::find(kWords.begin(), kWords.end(), word) == kWords.end()) return false;
    if (v.substr(at + 1 + word.size()).find_first_not_of("0123456789") != v.npos) return false;
  }
  if (!v.empty() && v.back() >= 'a' && v.back() <= 'z') v.remove_suffix(1);
  do {
    if (drop("0123456789") == 0) return false;
    if (v.empty()) return true;
  } while (drop(".") == 1);
  return false;
}

TEST_F(Vectors, OfApkHold) {
  size_t compared = 0;
  auto check = [&](auto a, auto op, auto b) {
    if (op.empty()) {
      bool invalid = a.starts_with('!');
      if (invalid) a.remove_prefix(1);
      EXPECT_EQ(compare_apk(a, a).has_value(), !invalid) << a;
      return;
    }
    if (op.find('~') != op.npos) return;  // a match by prefix, which threats do not use
    auto c = compare_apk(a, b), back = compare_apk(b, a);
    EXPECT_EQ(c.has_value(), is_apk_version(a) && is_apk_version(b)) << a << " " << b;
    ASSERT_EQ(c.has_value(), back.has_value());
    if (!c) return;
    ++compared;
    EXPECT_EQ(op_of(*c), op[0]) << a << " " << op << " " << b;
    EXPECT_EQ(op_of(-*back), op[0]) << b << " and " << a;
  };
  EXPECT_GT(each("apk-tools/version.data", check), 700U);
  EXPECT_GT(each("osv-scalibr/alpine-versions.txt", check), 700U);
  EXPECT_GT(compared, 1300U);
}

class RandomVersion {
 public:
  explicit RandomVersion(std::string_view alphabet) : alphabet_(alphabet) {}
  std::string part(size_t most) {
    std::string s(1, static_cast<char>('0' + random_() % 10));
    for (size_t n = random_() % most; n != 0; --n) s += alphabet_[random_() % alphabet_.size()];
    return s;
  }
  // A version and a small change of it, so that the comparison goes deep.
  std::pair<std::string, std::string> pair(size_t most) {
    std::string a = part(most), b = random_() % 4 == 0 ? part(most) : a;
    if (b.size() > 1) {
      size_t at = 1 + random_() % (b.size() - 1);
      switch (random_() % 3) {
        case 0:
          b[at] = alphabet_[random_() % alphabet_.size()];
          break;
        case 1:
          b.insert(at, 1, alphabet_[random_() % alphabet_.size()]);
          break;
        default:
          b.erase(at, 1);
      }
    }
    return {a, b};
  }
  bool chance(unsigned n) { return random_() % n == 0; }

 private:
  std::string_view alphabet_;
  std::mt19937 random_{20240329};
};

TEST(DebOrder, IsThatOfDpkg) {
  if (!output_of("dpkg --version 2>/dev/null")) GTEST_SKIP() << "dpkg is not installed";
  RandomVersion random("0123456789019abzAZ.+~~");
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string script =
      "c() { if dpkg --compare-versions \"$1\" lt \"$2\"; then echo '<'; elif dpkg --compare-versions \"$1\" eq \"$2\"; then echo '='; "
      "else echo '>'; fi; }\n";
  for (int i = 0; i < 300; ++i) {
    auto [a, b] = random.pair(10);
    if (random.chance(4)) a = "1:" + a, b = (random.chance(3) ? "01:" : "1:") + b;
    if (random.chance(2)) a += "-" + random.part(4);
    if (random.chance(2)) b += "-" + random.part(4);
    pairs.emplace_back(a, b);
    script += "c '" + a + "' '" + b + "'\n";
  }
  std::string file = testing::TempDir() + "careen-dpkg-" + std::to_string(::getpid()) + ".sh";
  std::ofstream(file) << script;
  auto out = output_of("sh '" + file + "' 2>/dev/null");
  std::remove(file.c_str());
  ASSERT_TRUE(out);
  auto lines = words(*out);
  ASSERT_EQ(lines.size(), pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i)
    EXPECT_EQ(op_of(compare_deb(pairs[i].first, pairs[i].second)), lines[i][0]) << pairs[i].first << " and " << pairs[i].second;
}

TEST(RpmOrder, IsThatOfRpm) {
  if (!output_of("rpm --version 2>/dev/null")) GTEST_SKIP() << "rpm is not installed";
  RandomVersion random("0123456789019abzAZ.._+~~^^");
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string lua;
  for (int i = 0; i < 500; ++i) {
    pairs.push_back(random.pair(12));
    lua += "print(rpm.vercmp(\"" + pairs.back().first + "\",\"" + pairs.back().second + "\") .. \" \")";
  }
  auto out = output_of("rpm --eval '%{lua: " + lua + "}' 2>/dev/null");
  if (!out) GTEST_SKIP() << "rpm has no Lua";
  auto lines = words(*out);
  ASSERT_EQ(lines.size(), pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i)
    EXPECT_EQ(std::to_string(compare_rpm(pairs[i].first, pairs[i].second)), lines[i]) << pairs[i].first << " and " << pairs[i].second;
}

TEST(Versions, EveryOrderIsAntisymmetricAndTransitive) {
  RandomVersion random("0012ab.~^_-:+p\xe9");
  for (PackageType type : {PackageType::deb, PackageType::rpm, PackageType::apk}) {
    for (int i = 0; i < 5000; ++i) {
      auto [a, b] = random.pair(8);
      std::string c = random.pair(8).first;
      if (type == PackageType::rpm)
        for (std::string* v : {&a, &b, &c}) std::replace(v->begin(), v->end(), '-', '.');  // a missing release matches any: no order
      auto ab = compare_versions(type, a, b), ba = compare_versions(type, b, a), bc = compare_versions(type, b, c), ac = compare_versions(type, a, c);
      ASSERT_EQ(ab.has_value(), ba.has_value()) << a << " " << b;
      if (!ab) continue;
      ASSERT_EQ(sign(*ab), -sign(*ba)) << to_text(type) << ": " << a << " " << b;
      bool ordered = bc && ac && *ab <= 0 && *bc <= 0;
      ASSERT_TRUE(!ordered || *ac <= 0) << to_text(type) << ": " << a << " " << b << " " << c;
    }
  }
}

}  // namespace
}  // namespace careen
