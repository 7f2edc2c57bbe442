// SPDX-License-Identifier: MIT
// Does a loop tell strangers what it counts itself? Its place in the process's table is looked at
// from within, as they see it from outside.
#include "loop/core/publication.h"

#include <poll.h>
#include <sys/wait.h>

#include <deque>
#include <latch>
#include <stdexcept>
#include <thread>

#include "tests/loop/support.h"

extern "C" timeslice::PublishedLoops timeslice_loops;

namespace timeslice::loop::test {

namespace {

const PublishedLoops& table() { return timeslice_loops; }

template <typename T>
T of(const T& word) {
  return std::atomic_ref(const_cast<T&>(word)).load();
}

std::vector<const PublishedLoop*> places_with_loops() {
  std::vector<const PublishedLoop*> places;
  for (const PublishedLoop& place : table().loops)
    if (of(place.self) == reinterpret_cast<std::uint64_t>(&place)) places.push_back(&place);
  return places;
}

// Of the loop that was made last.
const PublishedLoop& newest() {
  const auto places = places_with_loops();
  REQUIRE_FALSE(places.empty());
  const PublishedLoop* last = places.front();
  for (const PublishedLoop* place : places)
    if (of(place->serial) > of(last->serial)) last = place;
  return *last;
}

std::string name(std::uint64_t address) {
  return address == 0 ? "" : reinterpret_cast<const char*>(address);
}

// The child's status: 0 where `holds` did.
template <typename Holds>
int in_child(Holds holds) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(holds() ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

TEST_ON_EACH_BACKEND("a loop's place has its own counters, its phase, and whose callback runs") {
  Request request;
  GuardedLoop loop(options);
  const PublishedLoop& place = newest();
  CHECK(place.tid == static_cast<std::uint32_t>(::gettid()));
  CHECK(name(place.phase).empty());
  std::vector<std::string> seen;
  const auto look = [&] {
    CHECK(place.turns == loop.counters().turns);
    CHECK(place.idle_ns == loop.counters().idle_ns);
    CHECK(place.time_ns == static_cast<std::uint64_t>(loop.now().count()));
    CHECK(place.entry_ns == 0);
    const std::string phase = name(place.phase);
    seen.push_back(phase == "poll" ? phase + ' ' + name(place.callback) : phase);
  };
  Timer timer(loop, [&] {
    look();
    loop.set_immediate([&] {
      look();
      loop.at_close(look);
    });
  });
  Waker waker(loop, [&] {
    look();
    waker.unref();
    timer.start(5ms);
  });
  Pipe pipe;
  REQUIRE(::write(pipe.in.get(), "x", 1) == 1);
  loop.poll(request, pipe.out.get(), POLLIN, [&](Request&) {
    look();
    waker.send();
  });
  loop.run();
  CHECK(seen == std::vector<std::string>{"poll poll", "poll waker", "timers", "check", "close"});
  CHECK(name(place.phase).empty());
  // A thread that is kept from its CPU on the way there waits for less than the timer does.
  for (int i = 0; i < 1'000 && place.idle_ns < 4'000'000; ++i) {
    Timer later(loop, {});
    later.start(5ms);
    loop.run();
  }
  CHECK(place.idle_ns >= 4'000'000);
  CHECK(place.idle_ns == loop.counters().idle_ns);
}

TEST_ON_EACH_BACKEND("a loop that waits says since when, and nothing when an exception ended it") {
  GuardedLoop loop(options);
  const PublishedLoop& place = newest();
  const std::uint64_t before = static_cast<std::uint64_t>(loop.now().count());
  std::atomic<bool> waits = false;
  Waker waker(loop, [] { throw std::runtime_error("enough"); });
  std::thread stranger([&] {
    while (of(place.entry_ns) == 0) std::this_thread::yield();
    waits = of(place.entry_ns) >= before && name(of(place.phase)) == "poll";
    waker.send();
  });
  CHECK_THROWS(loop.run());
  stranger.join();
  CHECK(waits);
  CHECK(name(place.phase).empty());
  CHECK(place.entry_ns == 0);
}

TEST_ON_THOSE_WITH_THREADS("the pool's threads, and what waits for them, are told") {
  options.pool_size = 2;
  std::deque<Request> requests(5);
  std::latch begun(2), go(1);
  GuardedLoop loop(options);
  const PublishedLoop& place = newest();
  CHECK(of(place.pool_threads) == 0);
  for (std::size_t i = 0; i < 2; ++i)
    loop.work(
        requests[i], [&] { begun.count_down(), go.wait(); }, [](Request&) {});
  begun.wait();
  loop.work(
      requests[2], [] {}, [](Request&) {});
  for (std::size_t i = 3; i < 5; ++i)
    loop.slow_work(
        requests[i], [] {}, [](Request&) {});
  CHECK(of(place.pool_threads) == 2);
  CHECK(of(place.pool_idle) == 0);
  CHECK(of(place.pool_queued) == 1);
  CHECK(of(place.pool_slow) == 2);
  requests[2].cancel();
  requests[4].cancel();
  CHECK(of(place.pool_queued) == 0);
  CHECK(of(place.pool_slow) == 1);
  go.count_down();
  loop.run();
  while (of(place.pool_idle) != 2) std::this_thread::yield();
  CHECK(of(place.pool_slow) == 0);
}

TEST_CASE("a loop leaves its place to others, and has none with a clock of its own") {
  const std::size_t before = places_with_loops().size();
  {
    const Loop loop(options_for(BackendKind::pool));
    CHECK(places_with_loops().size() == before + 1);
  }
  CHECK(places_with_loops().size() == before);
  Options simulated = options_for(BackendKind::sim);
  simulated.sim.outside_world = false;
  const Loop loop(simulated);
  CHECK(places_with_loops().size() == before);
}

TEST_CASE("loops that find no place in the table are counted, and run all the same") {
  std::deque<Publication> others;
  while (places_with_loops().size() < kMostPublishedLoops) others.emplace_back(true);
  const std::uint32_t before = table().unlisted;
  Publication hidden(true);
  CHECK(table().unlisted == before + 1);
  hidden.turns(3);
  CHECK(hidden.place().turns == 3);
  others.pop_back();
  const Publication listed(true);
  CHECK(listed.place().self == reinterpret_cast<std::uint64_t>(&listed.place()));
}

TEST_CASE("a forked child has none of its parent's loops, and gives their places to its own") {
  auto loop = std::make_unique<Loop>(options_for(BackendKind::pool));
  const std::size_t before = places_with_loops().size();
  CHECK(in_child([&] {
          if (!places_with_loops().empty()) return false;
          const Loop own(options_for(BackendKind::pool));
          if (places_with_loops().size() != 1) return false;
          loop.reset();  // the parent's, whose place is the child's by now
          return places_with_loops().size() == 1;
        }) == 0);
  CHECK(places_with_loops().size() == before);
}

TEST_CASE("a process says that it is a cluster's worker, and its children aren't") {
  CHECK(in_child([] {
          publish_cluster_worker();
          if (table().is_cluster_worker != 1) return false;
          return in_child([] { return table().is_cluster_worker == 0; }) == 0;
        }) == 0);
  CHECK(table().is_cluster_worker == 0);
}

}  // namespace timeslice::loop::test
