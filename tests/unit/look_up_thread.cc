// SPDX-License-Identifier: MIT
// Does whoever asks go on when an answer never comes? Jobs here wait for a word that the test alone
// gives.
#include "observe/look_up_thread.h"

#include <algorithm>
#include <future>
#include <set>
#include <thread>

#include "tests/catch.h"

using namespace timeslice;
using namespace std::chrono_literals;
using observe::LookUpThread;
using observe::ProcessLookUp;

namespace {

using Clock = std::chrono::steady_clock;

// A job that isn't through before this one's end, and then is.
struct Silence {
  ~Silence() { word.set_value(); }
  [[nodiscard]] LookUpThread::Job job() const {
    return [heard = heard](ProcessLookUp&) { heard.wait(); };
  }
  std::promise<void> word;
  std::shared_future<void> heard = word.get_future().share();
};

using Done = std::shared_ptr<std::vector<int>>;

LookUpThread::Job note(const Done& done, int number) {
  return [=](ProcessLookUp&) { done->push_back(number); };
}

constexpr LookUpThread::Limits kNeverGivesUp{.patience = 2s, .give_up = 1h};
constexpr LookUpThread::Limits kGivesUpAtOnce{.patience = 2s, .give_up = 0s, .most_left_behind = 1};

}  // namespace

TEST_CASE("look-ups are done in order, by one thread that isn't the caller's") {
  LookUpThread thread({.patience = 60s, .give_up = 1h});
  const auto done = std::make_shared<std::vector<int>>();
  const auto where = std::make_shared<std::vector<std::thread::id>>();
  for (int call = 0; call < 50; ++call) {
    const auto result =
        thread.run({note(done, 2 * call), note(done, 2 * call + 1),
                    [=](ProcessLookUp&) { where->push_back(std::this_thread::get_id()); }});
    REQUIRE(result.done == 3);
    CHECK_FALSE(result.stuck);
  }
  for (int i = 0; i < 100; ++i) CHECK((*done)[static_cast<size_t>(i)] == i);
  CHECK(std::set<std::thread::id>(where->begin(), where->end()).size() == 1);
  CHECK(where->front() != std::this_thread::get_id());
}

TEST_CASE(
    "a look-up that never ends blocks its caller for the time allowed, and later ones not at all") {
  const auto done = std::make_shared<std::vector<int>>();
  const Silence silence;
  LookUpThread thread(kNeverGivesUp);
  const auto result = thread.run({note(done, 1), silence.job(), note(done, 2)});
  CHECK(result.done == 1);
  CHECK(result.stuck);
  const auto begun = Clock::now();
  for (int call = 0; call < 10; ++call) CHECK(thread.run({note(done, 3)}).done == 0);
  CHECK(Clock::now() - begun < 10 * kNeverGivesUp.patience / 2);
  CHECK(*done == std::vector<int>{1});
}

TEST_CASE("an abandoned look-up isn't started, and once its thread is free it works again") {
  const auto done = std::make_shared<std::vector<int>>();
  LookUpThread thread(kNeverGivesUp);
  {
    const Silence silence;
    CHECK(thread.run({silence.job(), note(done, 1)}).done == 0);
  }
  while (thread.run({note(done, 2)}).done == 0) std::this_thread::yield();
  CHECK(std::count(done->begin(), done->end(), 1) == 0);
}

TEST_CASE("a blocked thread is replaced, but not repeatedly") {
  const auto done = std::make_shared<std::vector<int>>();
  const Silence silence;
  LookUpThread thread(kGivesUpAtOnce);
  CHECK(thread.run({silence.job()}).stuck);
  CHECK(thread.run({note(done, 1)}).done == 1);
  CHECK(thread.run({silence.job()}).stuck);
  CHECK(thread.run({note(done, 2)}).done == 0);
  CHECK(*done == std::vector<int>{1});
}

TEST_CASE("all calls of a pass share one time limit") {
  const auto done = std::make_shared<std::vector<int>>();
  LookUpThread thread(kNeverGivesUp);
  const auto begun = Clock::now();
  thread.begin_pass();
  const auto until_its_end = [=](ProcessLookUp&) {
    std::this_thread::sleep_until(begun + kNeverGivesUp.patience + 10ms);
  };
  thread.run({until_its_end});
  for (int call = 0; call < 10; ++call) CHECK(thread.run({note(done, 1)}).done == 0);
  CHECK(done->empty());
  const auto in_the_next_pass = [&] {
    thread.begin_pass();
    return thread.run({note(done, 2)}).done == 1;
  };
  while (!in_the_next_pass()) std::this_thread::yield();
}
