// SPDX-License-Identifier: MIT
// Example: how do two threads work on the same numbers? The numbers are handed over in a message,
// without a copy; the sum grows in a shared buffer, on which a third thread could sleep; and a port
// of its own, which went along, says when it is done.
#include <bit>
#include <cstring>

#include "loop/threads/port.h"
#include "loop/threads/shared_buffer.h"
#include "loop/threads/worker.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

constexpr std::size_t kNumbers = 1000;

// Takes one message: numbers, where the sum goes, and whom to tell.
void sum_up(WorkerContext& context) {
  context.port().bind(context.loop(), [&context](Message& message) {
    const Buffer numbers = std::move(message.buffers.at(0));
    const SharedBuffer sum = message.shared.at(0);
    for (std::size_t at = 0; at < numbers.size(); at += sizeof(std::int32_t)) {
      std::int32_t number = 0;
      std::memcpy(&number, numbers.data() + at, sizeof number);
      sum.add<std::int32_t>(0, number);
    }
    sum.notify(0);
    message.ports.at(0).send(Message("done"));
    context.port().close();  // nothing holds this thread any more
  });
}

}  // namespace

TEST_ON_EACH_BACKEND("example: a worker sums up what it was handed, in shared memory") {
  GuardedLoop loop(options);
  std::string told;
  int code = -1;
  Worker worker(loop, {.name = "sum", .loop = options}, sum_up,
                {.on_exit = [&](int exit_code) { code = exit_code; }});

  const SharedBuffer sum(sizeof(std::int32_t));
  auto [ours, theirs] = make_channel();
  Message message;
  Buffer numbers(kNumbers * sizeof(std::int32_t));
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(kNumbers); ++i)
    std::memcpy(numbers.data() + static_cast<std::size_t>(i) * sizeof i, &i, sizeof i);
  message.buffers.push_back(std::move(numbers));
  message.shared.push_back(sum);
  message.ports.push_back(std::move(theirs));
  ours.bind(loop, [&told, &port = ours](Message& answer) {
    told = answer.text();
    port.close();
  });
  REQUIRE(worker.send(std::move(message)));
  loop.run();  // until the port is closed and the worker has gone
  CHECK(told == "done");
  CHECK(code == 0);
  CHECK(sum.load<std::int32_t>(0) == 499'500);
}

namespace {

// So many may work at once; who finds no place sleeps until there is one.
class Places {
 public:
  explicit Places(std::int32_t count) { cells_.store<std::int32_t>(kFree, count); }
  void take(std::int32_t who) const {
    for (;;) {
      const auto free = cells_.load<std::int32_t>(kFree);
      if (free == 0)
        cells_.wait(kFree, 0);
      else if (cells_.compare_exchange<std::int32_t>(kFree, free, free - 1) == free)
        break;
    }
    cells_.or_<std::int32_t>(kWho, 1 << who);
  }
  void leave(std::int32_t who) const {
    cells_.and_<std::int32_t>(kWho, ~(1 << who));
    cells_.add<std::int32_t>(kFree, 1);
    cells_.notify(kFree, 1);
  }
  [[nodiscard]] std::int32_t free() const { return cells_.load<std::int32_t>(kFree); }
  [[nodiscard]] std::int32_t who() const { return cells_.load<std::int32_t>(kWho); }

 private:
  static constexpr std::size_t kFree = 0, kWho = 1;
  SharedBuffer cells_{2 * sizeof(std::int32_t)};
};

}  // namespace

TEST_ON_EACH_BACKEND("example: four workers have two places, and one of them waits for an end") {
  GuardedLoop loop(options);
  const Places places(2);
  SharedBuffer most(sizeof(std::int32_t));
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::int32_t who = 0; who < 4; ++who)
    workers.push_back(std::make_unique<Worker>(
        loop, WorkerOptions{.loop = options}, [&places, &most, who](WorkerContext&) {
          places.take(who);
          const int working = std::popcount(static_cast<std::uint32_t>(places.who()));
          if (working > most.load<std::int32_t>(0)) most.store<std::int32_t>(0, working);
          places.leave(who);
        }));
  Worker waiting(loop, {.loop = options}, [](WorkerContext& context) {
    context.port().bind(context.loop(), [](Message&) {});  // for what doesn't come
  });
  waiting.terminate();
  loop.run();
  CHECK_FALSE(waiting.running());
  CHECK(places.free() == 2);
  CHECK(places.who() == 0);
  CHECK(most.load<std::int32_t>(0) >= 1);
  CHECK(most.exchange<std::int32_t>(0, 0) <= 2);
}

}  // namespace timeslice::loop::test
