// Work that several machines share. Needs PostgreSQL (store_place.h); elsewhere it is skipped.
#include "store/jobs.h"

#include <gmock/gmock.h>

#include <thread>

#include "../../tests/support/scratch_folder.h"
#include "../../tests/support/store_place.h"
#include "store/inventory.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class JobsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!place_.postgres()) GTEST_SKIP() << "PostgreSQL alone";
    ASSERT_TRUE(Inventory::open(place_.text(), Inventory::Mode::write));
  }
  std::unique_ptr<Jobs> as(const std::string& owner, int lease = 60) {
    auto j = Jobs::connect(place_.text());
    EXPECT_TRUE(j) << (j ? "" : j.error().what);
    if (!j) return nullptr;
    (*j)->be(owner, lease);
    return std::move(*j);
  }
  static std::vector<int64_t> add(Jobs& j, const std::string& run, const std::vector<std::string>& arguments) {
    std::vector<Job> list;
    for (const std::string& a : arguments) {
      Job job;
      job.argument = a, job.repository = "h/r", job.tag = a, job.platform = "linux/arm64", job.registry = true, job.refresh = true;
      list.push_back(job);
    }
    auto ids = j.add(run, list);
    EXPECT_TRUE(ids) << (ids ? "" : ids.error().what);
    return ids ? *ids : std::vector<int64_t>{};
  }
  static std::optional<Job> take(Jobs& j, int64_t id) {
    auto t = j.take(id);
    EXPECT_TRUE(t) << (t ? "" : t.error().what);
    return t ? *t : std::nullopt;
  }
  // A lease of no seconds is over when the second is.
  static void next_second() { std::this_thread::sleep_for(std::chrono::milliseconds(1100)); }

  test::ScratchFolder folder_;
  test::StorePlace place_{folder_ / "unused"};
  const Digest blob_ = digest_of(as_bytes("blob"));
};

TEST_F(JobsTest, AJobIsOneOwnersUntilItIsDone) {
  auto a = as("a"), b = as("b");
  auto ids = add(*a, "run", {"one", "two"});
  ASSERT_THAT(ids, SizeIs(2));
  auto job = take(*a, ids[0]);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->argument, "one");
  EXPECT_EQ(job->repository, "h/r");
  EXPECT_EQ(job->platform, "linux/arm64");
  EXPECT_TRUE(job->registry && job->refresh);
  EXPECT_EQ(job->tries, 1);
  EXPECT_FALSE(take(*b, ids[0])) << "it is a's";
  EXPECT_FALSE(take(*a, ids[0])) << "nor twice a's own";
  EXPECT_THAT(*a->idle("run", true), ElementsAre(ids[1]));
  EXPECT_THAT(*a->idle("run", false), IsEmpty()) << "nobody took it yet: its message is on its way";
  ASSERT_TRUE(a->done(*job, {3, 1, 2, 1, 0}));
  EXPECT_FALSE(take(*b, ids[0])) << "it is done";
  EXPECT_FALSE(take(*b, 987654)) << "no such job";
  auto p = *a->progress("run");
  EXPECT_EQ(p.waiting, 1U);
  EXPECT_EQ(p.done, 1U);
  EXPECT_EQ(p.counts.images, 3U);
  EXPECT_EQ(p.counts.new_layers, 2U);
  EXPECT_EQ(a->progress("another")->waiting, 0U);
  ASSERT_TRUE(a->forget("run"));
  EXPECT_EQ(a->progress("run")->done, 0U);
}

TEST_F(JobsTest, WhatTheDeadLeftIsAnybodys) {
  auto dead = as("dead", -1), b = as("b");
  auto ids = add(*b, "run", {"one"});
  ASSERT_TRUE(take(*dead, ids[0]));
  auto job = take(*b, ids[0]);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->tries, 2);
  // One that comes back after its lease may still say that it is done: what it wrote is there.
  ASSERT_TRUE(dead->done({ids[0], 1, "", "", "", "", false, false}, {}));
  EXPECT_EQ(b->progress("run")->done, 1U);
}

TEST_F(JobsTest, ALeaseIsRenewed) {
  auto a = as("a", 1), b = as("b");
  auto ids = add(*a, "run", {"one"});
  ASSERT_TRUE(take(*a, ids[0]));
  std::string why;
  EXPECT_EQ(*a->claim(blob_, &why), Jobs::Claim::mine);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    ASSERT_TRUE(a->renew());
  }
  EXPECT_FALSE(take(*b, ids[0]));
  EXPECT_EQ(*b->claim(blob_, &why), Jobs::Claim::theirs);
  next_second(), next_second();
  EXPECT_TRUE(take(*b, ids[0]));
  EXPECT_EQ(*b->claim(blob_, &why), Jobs::Claim::mine);
}

TEST_F(JobsTest, AJobThatFailsIsTriedAgainAndThenSetAside) {
  auto a = as("a");
  auto ids = add(*a, "run", {"flaky", "wrong"});
  for (int n = 1; n <= kMaxTries; ++n) {
    auto job = take(*a, ids[0]);
    ASSERT_TRUE(job) << n;
    EXPECT_EQ(*a->failed(*job, "no answer " + std::to_string(n), false), n == kMaxTries);
  }
  EXPECT_FALSE(take(*a, ids[0]));
  auto wrong = take(*a, ids[1]);
  EXPECT_TRUE(*a->failed(*wrong, "no image", true)) << "at once";
  auto aside = *a->set_aside("run");
  ASSERT_THAT(aside, SizeIs(2));
  EXPECT_EQ(aside[0].why, "no answer " + std::to_string(kMaxTries));
  EXPECT_EQ(aside[1].why, "no image");
  EXPECT_EQ(a->progress("run")->set_aside, 2U);
  EXPECT_EQ(a->progress("run")->waiting, 0U);
}

TEST_F(JobsTest, AJobWhoseTakersNeverComeBackIsSetAside) {
  auto dead = as("dead", -1);
  auto ids = add(*dead, "run", {"deadly"});
  for (int n = 0; n < kMaxTries; ++n) EXPECT_TRUE(take(*dead, ids[0])) << n;
  EXPECT_FALSE(take(*dead, ids[0]));
  ASSERT_THAT(*dead->set_aside("run"), SizeIs(1));
  EXPECT_THAT((*dead->set_aside("run"))[0].why, HasSubstr("did not come back"));
}

TEST_F(JobsTest, OneOfManyTakesAJob) {
  auto ids = add(*as("x"), "run", std::vector<std::string>(20, "job"));
  std::vector<std::thread> threads;
  std::atomic<int> taken{0}, claimed{0};
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      auto mine = as("t" + std::to_string(t));
      for (int64_t id : ids) taken += mine->take(id)->has_value() ? 1 : 0;
      std::string why;
      for (int n = 0; n < 20; ++n) claimed += *mine->claim(digest_of(as_bytes(std::to_string(n))), &why) == Jobs::Claim::mine ? 1 : 0;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(taken, 20);
  EXPECT_EQ(claimed, 20);
}

TEST_F(JobsTest, ALayerIsReadByOne) {
  auto a = as("a"), b = as("b");
  std::string why;
  EXPECT_EQ(*a->claim(blob_, &why), Jobs::Claim::mine);
  EXPECT_EQ(*b->claim(blob_, &why), Jobs::Claim::theirs);
  EXPECT_EQ(*b->claim(digest_of(as_bytes("other")), &why), Jobs::Claim::mine);
  ASSERT_TRUE(b->release(blob_, true, "", false)) << "another's claim stays";
  EXPECT_EQ(*b->claim(blob_, &why), Jobs::Claim::theirs);
  ASSERT_TRUE(a->release(blob_, true, "", false));
  EXPECT_EQ(*b->claim(blob_, &why), Jobs::Claim::mine);
}

TEST_F(JobsTest, ALayerWhoseReadersDieIsSetAside) {
  auto dead = as("dead", -1), b = as("b");
  std::string why;
  for (int n = 0; n < kMaxLayerTries; ++n) EXPECT_EQ(*dead->claim(blob_, &why), Jobs::Claim::mine) << n;
  EXPECT_EQ(*b->claim(blob_, &why), Jobs::Claim::set_aside);
  EXPECT_THAT(why, HasSubstr("did not come back"));
  ASSERT_THAT(*b->layers_set_aside(), SizeIs(1));
  EXPECT_EQ((*b->layers_set_aside())[0].blob, blob_.text());
  EXPECT_EQ(test::run_postgres(place_.text(), "UPDATE inv_claim SET lease=lease-100000"), "");
  EXPECT_EQ(*b->claim(blob_, &why), Jobs::Claim::mine) << "after a day it is tried again";
}

TEST_F(JobsTest, AFailureThatMayPassIsNoTry) {
  auto a = as("a");
  std::string why;
  for (int n = 0; n < kMaxLayerTries * 2; ++n) {
    ASSERT_EQ(*a->claim(blob_, &why), Jobs::Claim::mine) << n;
    ASSERT_TRUE(a->release(blob_, false, "no answer", true));
  }
  for (int n = 0; n < kMaxLayerTries; ++n) {
    ASSERT_EQ(*a->claim(blob_, &why), Jobs::Claim::mine) << n;
    ASSERT_TRUE(a->release(blob_, false, "broken", false));
  }
  EXPECT_EQ(*a->claim(blob_, &why), Jobs::Claim::set_aside);
  EXPECT_EQ(why, "broken");
  EXPECT_THAT(*a->idle("none", true), IsEmpty());
}

TEST(Jobs, AFileSharesNoWork) {
  auto j = Jobs::connect("/tmp/inventory.sqlite");
  ASSERT_FALSE(j);
  EXPECT_EQ(j.error().code, Errc::usage);
}

}  // namespace
}  // namespace careen
