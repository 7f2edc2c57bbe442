// SPDX-License-Identifier: MIT
// Has a process what its threads did that ended, between two refreshes or during one? The truth is
// the kernel's: the process's own clock, and what getrusage tells it of itself.
#include <dirent.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/recorded.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

constexpr int kThreads = 20;
constexpr double kNsPerS = 1e9;

// What a process says of itself in memory that it shares with us.
struct Words {
  EndedSwitches ended;
  std::atomic<pid_t> other;  // a thread that its main thread has begun
};

struct Unmapper {
  void operator()(Words* words) const { munmap(words, sizeof(Words)); }
};
using SharedWords = std::unique_ptr<Words, Unmapper>;

SharedWords shared_words() {
  void* memory =
      mmap(nullptr, sizeof(Words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return SharedWords(static_cast<Words*>(memory));
}

int own_threads() {
  int count = -2;  // "." and ".."
  DIR* dir = opendir("/proc/self/task");
  while (readdir(dir) != nullptr) ++count;
  closedir(dir);
  return count;
}

// One thread after another computes 5 ms, sleeps twice and ends. Who is joined may yet be on its
// way out: only when it is off the list has its process all of it.
void short_lived(Words& words) {
  for (int i = 0; i < kThreads; ++i)
    std::thread([] {
      use_core(5ms);
      nap(2);
    }).join();
  if (!until([] { return own_threads() == 1; })) _exit(97);
  words.ended = own_ended_switches();
}

const model::Process& process_of(const model::Frame& frame, pid_t pid) {
  for (const model::Process* process : frame.processes)
    if (process->tgid == static_cast<uint32_t>(pid)) return *process;
  throw std::runtime_error("the process isn't in the frame");
}

double cpu_ns(const model::Frame& frame, pid_t pid) {
  return process_of(frame, pid).cpu_pct.value_or(0) / 100 * *frame.interval_s * kNsPerS;
}

}  // namespace

TEST_CASE("a process has everything that its short-lived threads did, exactly") {
  const SharedWords words = shared_words();
  Workload workload({[&] { short_lived(*words); }});
  const pid_t pid = workload.pid();
  Look modes[] = {Look(observe::open_count_source({static_cast<uint32_t>(pid)})),
                  Look(observe::open_sched_source({static_cast<uint32_t>(pid)}))};
  for (Look& mode : modes) mode.advance();
  for (int leg = 0; leg < 2; ++leg) {
    const uint64_t cpu_before = process_cpu_ns(pid);
    const Truth own_before = truth_of(pid, pid);
    const uint64_t ended_before = words->ended.nvcsw;
    workload.run();
    const Truth own = truth_of(pid, pid);
    CHECK(words->ended.nvcsw - ended_before >= kThreads);
    for (Look& mode : modes) {
      INFO("mode " << name_of(mode.source->mode()) << ", leg " << leg);
      const model::Frame& frame = mode.advance();
      const model::Process& process = process_of(frame, pid);
      CHECK(process.nvcsw == own.nvcsw + words->ended.nvcsw);
      CHECK(process.nivcsw == own.nivcsw + words->ended.nivcsw);
      const uint64_t switches = own.nvcsw - own_before.nvcsw + words->ended.nvcsw - ended_before;
      CHECK(*process.nvcsw_per_s * *frame.interval_s == Approx(switches));
      CHECK(cpu_ns(frame, pid) == Approx(process_cpu_ns(pid) - cpu_before));
    }
  }
}

// /proc has CPU time in ticks, and no sum of switches.
TEST_CASE("proc mode has the CPU time of ended threads, to three ticks") {
  const SharedWords words = shared_words();
  Workload workload({[&] { short_lived(*words); }});
  const pid_t pid = workload.pid();
  Look look(observe::open_proc_source({static_cast<uint32_t>(pid)}));
  look.advance();
  const uint64_t before = process_cpu_ns(pid);
  workload.run();
  const model::Frame& frame = look.advance();
  const auto did = static_cast<double>(process_cpu_ns(pid) - before);
  CHECK(did >= kThreads * 5e6);
  CHECK(cpu_ns(frame, pid) > did - 30e6);
  CHECK(cpu_ns(frame, pid) < did + 1e6);
  CHECK(!process_of(frame, pid).ended_nvcsw_per_s);
}

// The first thread sleeps at its gate all the time, so it is no news by itself.
TEST_CASE("a thread that had a row leaves the rest to its process, whose first thread sleeps") {
  const SharedWords words = shared_words();
  const Pipe go;
  Workload workload({[&] {
    std::thread([&] {
      char byte;
      words->other = gettid();
      use_core(50ms);
      if (::read(go.out.get(), &byte, 1) != 1) _exit(98);
      use_core(50ms);
    }).detach();
  }});
  const pid_t pid = workload.pid();
  Look modes[] = {Look(observe::open_count_source({static_cast<uint32_t>(pid)})),
                  Look(observe::open_sched_source({static_cast<uint32_t>(pid)}))};
  workload.run();
  REQUIRE(until([&] { return words->other != 0; }));
  REQUIRE(until([&] { return rests_in_read(pid, words->other, go.out.get()); }));
  for (Look& mode : modes) mode.advance();
  const uint64_t before = process_cpu_ns(pid);
  REQUIRE(::write(go.in.get(), "", 1) == 1);
  double seen[std::size(modes)] = {};
  // In some frame it computes, in a later one it has gone: together they have all that it did.
  const bool gone = until([&] {
    const bool last = status_figure(pid, "Threads") == 1;
    for (size_t i = 0; i < std::size(modes); ++i) seen[i] += cpu_ns(modes[i].advance(), pid);
    return last;
  });
  REQUIRE(gone);
  const auto did = static_cast<double>(process_cpu_ns(pid) - before);
  CHECK(did >= 50e6);
  for (const double mode : seen) CHECK(mode == Approx(did));
}

// Threads end before the recording and in it, at last the first one; another lives on.
TEST_CASE("a replayed process has what its ended threads did, and keeps its first thread") {
  const SharedWords words = shared_words();
  const Pipe gate;
  const Child child([&] {
    short_lived(*words);
    words->other = 1;
    char byte;
    if (::read(gate.out.get(), &byte, 1) != 1) _exit(98);
    short_lived(*words);
    std::thread([&] {
      words->other = gettid();
      ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);  // of this thread only
  });
  const pid_t pid = child.pid();
  REQUIRE(until([&] { return words->other == 1; }));
  REQUIRE(until([&] { return rests_in_read(pid, pid, gate.out.get()); }));
  Recording recording({"-q", "-p", std::to_string(pid)});
  REQUIRE(::write(gate.in.get(), "", 1) == 1);
  REQUIRE(until([&] {
    return words->other > 1 && state_of(pid, pid) == 'Z' && state_of(pid, words->other) == 'S';
  }));
  REQUIRE(recording.finish().status == 0);

  Look live(observe::open_count_source({static_cast<uint32_t>(pid)}));
  const model::Process& truth = process_of(live.advance(), pid);
  const Outcome replayed = run(top({"--replay", recording.path(), "--json", "-d", "0.05"}));
  REQUIRE(replayed.status == 0);
  const Json last = objects_in(replayed.out).back();
  const Json process = find_by(last["processes"], "tgid", pid);
  INFO(process.dump());
  REQUIRE(process.is_object());
  size_t alive = 0;  // beside those that ended since the frame before
  for (const Json& thread : last["threads"])
    alive += thread["tgid"] == pid && thread["state"] != "X";
  CHECK(alive == 2);
  CHECK(process["nvcsw"] ==
        *truth.nvcsw + kThreads);  // the last switch of each, which goes unsummed
  CHECK(process["nivcsw"] == *truth.nivcsw);
  const Json first = find_by(last["threads"], "tid", pid);
  REQUIRE(first.is_object());
  CHECK(first["state"] == "Z");
  CHECK(first["nvcsw"] == truth_of(pid, pid).nvcsw);
}

}  // namespace timeslice::live
