#include "base/log.h"

#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace careen {
namespace {

using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

class Log : public testing::Test {
 protected:
  void TearDown() override {
    set_log_hook(nullptr);
    set_log_level(LogLevel::normal);
  }
  static std::string all_three(LogLevel level) {
    set_log_level(level);
    CaptureStderr();
    warn("warned");
    note("noted");
    timing("stage", 1.5);
    return GetCapturedStderr();
  }
};

TEST_F(Log, EachLevelShowsItsOwn) {
  EXPECT_EQ(all_three(LogLevel::quiet), "");
  EXPECT_EQ(all_three(LogLevel::normal), "careen: warning: warned\n");
  EXPECT_EQ(all_three(LogLevel::verbose), "careen: warning: warned\ncareen: noted\ntiming: stage 1.5000\n");
  EXPECT_EQ(log_level(), LogLevel::verbose);
}

TEST_F(Log, AMessageIsOneLineWhateverItHolds) {
  CaptureStderr();
  warn("a\nclean\x1b[2K");
  EXPECT_EQ(GetCapturedStderr(), "careen: warning: a\\x0aclean\\x1b[2K\n");
}

TEST_F(Log, ATimingIsOneLineWhateverItsNameHolds) {
  set_log_level(LogLevel::verbose);
  CaptureStderr();
  timing("a\nb", 0);
  EXPECT_EQ(GetCapturedStderr(), "timing: a\\x0ab 0.0000\n");
}

std::string g_hooked;

TEST_F(Log, TheHookIsCalledAroundEachMessage) {
  g_hooked.clear();
  set_log_hook([](bool before) { g_hooked += before ? '(' : ')'; });
  set_log_level(LogLevel::verbose);
  CaptureStderr();
  warn("x");
  note("y");
  timing("z", 0);
  GetCapturedStderr();
  EXPECT_EQ(g_hooked, "()()()");
}

TEST_F(Log, MessagesOfManyThreadsDoNotMix) {
  CaptureStderr();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 100; ++i) warn("0123456789");
    });
  for (std::thread& t : threads) t.join();
  std::string want;
  for (int i = 0; i < 400; ++i) want += "careen: warning: 0123456789\n";
  EXPECT_EQ(GetCapturedStderr(), want);
}

}  // namespace
}  // namespace careen
