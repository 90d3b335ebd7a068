#include "digest/digest.h"

#include <vector>

#include "base/text.h"

namespace careen {
namespace {

const std::string kOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kWideOfAbc =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Digest, ParsesWhatTheSpecificationAllows) {
  auto d = Digest::parse("sha256:" + kOfAbc);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->hex(), kOfAbc);
  EXPECT_EQ(d->text(), "sha256:" + kOfAbc);
  EXPECT_EQ(d->algorithm(), Algorithm::sha256);
  EXPECT_EQ(d->short_text(), "ba7816bf8f01");
  auto wide = Digest::parse("sha512:" + kWideOfAbc);
  ASSERT_TRUE(wide);
  EXPECT_EQ(wide->algorithm(), Algorithm::sha512);
}

TEST(Digest, RefusesAllElse) {
  for (const std::string& bad :
       std::vector<std::string>{"", "sha256", "sha256:", "sha256:" + kOfAbc.substr(1), "sha256:" + kOfAbc + "0", "SHA256:" + kOfAbc, "sha512:" + kOfAbc,
                                "md5:d41d8cd98f00b204e9800998ecf8427e", kOfAbc, " sha256:" + kOfAbc, "sha256:BA" + kOfAbc.substr(2),
                                "sha256:../" + kOfAbc.substr(3), "sha256:" + std::string(64, '\0'), "sha256::" + kOfAbc.substr(1)}) {
    auto d = Digest::parse(bad);
    ASSERT_FALSE(d) << bad;
    EXPECT_EQ(d.error().code, Errc::corrupt);
    EXPECT_TRUE(is_plain(d.error().what));
  }
}

TEST(Digest, AnErrorShowsNoMoreThanTheBeginning) {
  auto d = Digest::parse(std::string(1 << 20, 'x'));
  ASSERT_FALSE(d);
  EXPECT_LT(d.error().what.size(), 1000U);
}

TEST(Digest, AnEmptyOneIsEmpty) {
  Digest d;
  EXPECT_TRUE(d.empty());
  EXPECT_EQ(d.text(), "");
  EXPECT_EQ(d.hex(), "");
  EXPECT_EQ(d.short_text(), "");
  EXPECT_LT(d, digest_of({}));
}

TEST(Hasher, KnowsTheStandardsExamples) {
  EXPECT_EQ(digest_of({}).hex(), kOfNothing);
  EXPECT_EQ(digest_of(as_bytes("abc")).hex(), kOfAbc);
  EXPECT_EQ(digest_of(as_bytes("abc"), Algorithm::sha512).hex(), kWideOfAbc);
  EXPECT_EQ(Digest(sha256_of(as_bytes("abc"))).hex(), kOfAbc);
  std::array<uint8_t, 64> out{};
  Hasher md5(Algorithm::md5), sha1(Algorithm::sha1);
  md5.update(as_bytes("abc"));
  ASSERT_EQ(md5.finish(out.data()), 16U);
  EXPECT_EQ(to_hex(out.data(), 16), "900150983cd24fb0d6963f7d28e17f72");
  sha1.update(as_bytes("abc"));
  ASSERT_EQ(sha1.finish(out.data()), 20U);
  EXPECT_EQ(to_hex(out.data(), 20), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(Hasher, PartsGiveTheDigestOfTheWhole) {
  std::string text(100'000, 'x');
  Hasher h(Algorithm::sha256);
  for (size_t at = 0, n = 1; at < text.size(); at += n, n = n % 997 + 13) h.update(as_bytes(text).subspan(at, std::min(n, text.size() - at)));
  EXPECT_EQ(h.digest(), digest_of(as_bytes(text)));
}

TEST(Hasher, IsNewAfterReset) {
  Hasher h(Algorithm::sha256);
  h.update(as_bytes("something else"));
  h.reset();
  h.update(as_bytes("abc"));
  EXPECT_EQ(h.digest().hex(), kOfAbc);
  h.reset();
  EXPECT_EQ(h.digest().hex(), kOfNothing);
}

TEST(Hasher, MayBeMoved) {
  Hasher a(Algorithm::sha256);
  a.update(as_bytes("ab"));
  Hasher b(std::move(a));
  b.update(as_bytes("c"));
  EXPECT_EQ(b.digest().hex(), kOfAbc);
}

TEST(HasherDeathTest, ADigestOfAnAlgorithmThatIsNoContentAddressIsOurOwnMistake) {
  Hasher h(Algorithm::sha1);
  EXPECT_DEATH((void)h.sha256(), "internal error");
}

}  // namespace
}  // namespace careen
