// One server is asked no faster than it is told, whoever asks.
#include "net/pace.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace careen {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Pace::Clock::time_point kNow{seconds(1000)};

TEST(PaceTest, RequestsAreApart) {
  Pace p;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(p.next(10, kNow), kNow + milliseconds(100) * i);
  EXPECT_EQ(p.next(10, kNow + seconds(60)), kNow + seconds(60)) << "what was not used is not saved up";
}

TEST(PaceTest, WithoutARateAtOnce) {
  Pace p;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(p.next(0, kNow), kNow);
  p.next(1, kNow);
  EXPECT_EQ(p.next(0, kNow), kNow) << "another's rate is not this one's";
}

TEST(PaceTest, PatienceIsForAll) {
  Pace p;
  p.hold(30, kNow);
  EXPECT_EQ(p.next(0, kNow), kNow + seconds(30));
  p.hold(5, kNow);
  EXPECT_EQ(p.next(0, kNow), kNow + seconds(30)) << "a shorter one does not end a longer one";
  EXPECT_EQ(p.next(2, kNow), kNow + seconds(30));
  EXPECT_EQ(p.next(2, kNow), kNow + seconds(30) + milliseconds(500)) << "afterwards at the old rate";
  EXPECT_EQ(p.next(0, kNow + seconds(31)), kNow + seconds(31));
}

TEST(PaceTest, EachServerHasItsOwn) {
  Pace &a = Pace::of("a.example:443"), &b = Pace::of("b.example:443");
  EXPECT_NE(&a, &b);
  EXPECT_EQ(&a, &Pace::of("a.example:443"));
  a.hold(10, kNow);
  EXPECT_EQ(b.next(0, kNow), kNow);
}

TEST(PaceTest, ThreadsShareARate) {
  Pace p;
  std::vector<Pace::Clock::time_point> got(40);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 10; ++i) got[t * 10 + i] = p.next(100, kNow);
    });
  for (std::thread& t : threads) t.join();
  std::sort(got.begin(), got.end());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], kNow + milliseconds(10) * static_cast<int>(i));
}

}  // namespace
}  // namespace careen
