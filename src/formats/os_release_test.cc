#include "formats/os_release.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(OsRelease, ReadsAssignments) {
  EXPECT_THAT(parse_os_release("ID=debian\nVERSION_ID=\"12\"\nNAME='a b'\n"), ElementsAre(Pair("ID", "debian"), Pair("NAME", "a b"), Pair("VERSION_ID", "12")));
}

TEST(OsRelease, PassesOverCommentsAndOtherLines) {
  EXPECT_THAT(parse_os_release("# ID=no\n\nno assignment\n  ID=yes  \n"), ElementsAre(Pair("ID", "yes")));
}

TEST(OsRelease, TakesEscapesAsTheShellDoes) {
  auto all = parse_os_release("A=\"q\\\"q\\\\ \\$\"\nB='no \\n escape'\nC=plain\\ space\n");
  EXPECT_EQ(all["A"], "q\"q\\ $");
  EXPECT_EQ(all["B"], "no \\n escape");
  EXPECT_EQ(all["C"], "plain space");
}

TEST(OsRelease, AQuoteEndsTheValue) {
  auto all = parse_os_release("A=\"one\" two\nB=\"open\nC=\nD=\"\"\nE=\"\\\n");
  EXPECT_EQ(all["A"], "one");
  EXPECT_EQ(all["B"], "open");
  EXPECT_EQ(all["C"], "");
  EXPECT_EQ(all["D"], "");
}

TEST(OsRelease, TheLastAssignmentWins) {
  EXPECT_EQ(parse_os_release("ID=a\nID=b\n")["ID"], "b");
}

TEST(OsRelease, ReadsDosLines) {
  EXPECT_EQ(parse_os_release("ID=a\r\nB=\"c\"\r\n")["ID"], "a");
}

TEST(OsRelease, IsBounded) {
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "K" + std::to_string(i) + "=v\n";
  EXPECT_LE(parse_os_release(many).size(), 300U);
  EXPECT_LE(parse_os_release("ID=" + std::string(1 << 20, 'x'))["ID"].size(), 1024U);
  EXPECT_THAT(parse_os_release(std::string(1000, 'k') + "=v\n"), IsEmpty());
}

TEST(OsRelease, AnEmptyFileHoldsNothing) {
  EXPECT_THAT(parse_os_release(""), IsEmpty());
}

}  // namespace
}  // namespace careen
