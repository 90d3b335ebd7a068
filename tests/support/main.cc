// The main of every unit test program: it may be started anew as a worker, as careen itself is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "worker/worker_main.h"

int main(int argc, char** argv) {
  if (int worker = careen::worker_main(argc, argv); worker >= 0) return worker;
  std::signal(SIGPIPE, SIG_IGN);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
