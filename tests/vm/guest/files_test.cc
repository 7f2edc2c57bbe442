// SPDX-License-Identifier: MIT
// Can a reader rely on the files under /proc/timeslice: are they complete, under load, too, and
// only readable with the right to?
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>
#include <set>

#include "observe/kmod_table.h"
#include "tests/live/storm.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

observe::KmodThreads threads_now() {
  observe::KmodThreads threads;
  parse_kmod_threads(read_in_steps(kThreads, 1 << 16), threads);
  return threads;
}

std::set<uint32_t> tids_of(const observe::KmodThreads& threads) {
  std::set<uint32_t> tids;
  for (const ts_thread_row& row : threads.rows) tids.insert(row.tid);
  return tids;
}

// All threads that /proc itself knows.
std::set<uint32_t> tids_in_proc() {
  std::set<uint32_t> tids;
  const live::Outcome found = live::run(
      {"/bin/sh", "-c", "for task in /proc/[0-9]*/task/[0-9]*; do echo ${task##*/}; done"});
  for (const std::string& line : live::lines_of(found.out))
    if (!line.empty() && line[0] != '[') tids.insert(static_cast<uint32_t>(std::stoul(line)));
  return tids;
}

uint64_t observed_now() {
  const std::string head = live::read_file(kThreads);
  const size_t at = head.find(" observed ");
  return std::stoull(head.substr(at + 10));
}

}  // namespace

VM_TEST_CASE("every existing thread has exactly one row") {
  const Module module;
  const auto threads = threads_now();
  const std::set<uint32_t> ours = tids_of(threads);
  CHECK(ours.size() == threads.rows.size());
  // Those that ended before the second read are missing there, those that started are missing here.
  std::set<uint32_t> theirs = tids_in_proc();
  size_t missing = 0;
  for (const uint32_t tid : theirs)
    if (!ours.contains(tid) && tids_in_proc().contains(tid) && tid < *ours.rbegin()) ++missing;
  CHECK(missing == 0);
  CHECK(ours.size() > 20);
}

VM_TEST_CASE("the file is the same in small reads, and complete under a fork storm") {
  const Module module;
  live::Storm storm(500);
  const live::Cast rest = live::mixed_threads();
  for (const size_t step : {size_t{1}, size_t{7}, size_t{333}, size_t{4096}, size_t{1} << 18}) {
    INFO("step " << step);
    observe::KmodThreads threads;
    parse_kmod_threads(read_in_steps(kThreads, step), threads);  // throws on a broken row
    const std::set<uint32_t> tids = tids_of(threads);
    CHECK(tids.size() == threads.rows.size());
    for (const pid_t tid : rest[0]->tids()) CHECK(tids.contains(static_cast<uint32_t>(tid)));
  }
  CHECK(storm.stop() > 0);
}

VM_TEST_CASE("any offset may be read from") {
  const Module module;
  for (const std::string& path : {kThreads, kCores}) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char part[512];
    for (const off_t offset : {off_t{0}, off_t{1}, off_t{511}, off_t{4095}, off_t{1} << 20,
                               off_t{1} << 32, off_t{1} << 40, off_t{LONG_MAX - 1}}) {
      const ssize_t got = ::pread(fd.get(), part, sizeof part, offset);
      CHECK(got <= static_cast<ssize_t>(sizeof part));
    }
    CHECK(::pread(fd.get(), part, sizeof part, -1) < 0);
    CHECK(::lseek(fd.get(), -5, SEEK_SET) < 0);
    CHECK(::lseek(fd.get(), 0, SEEK_SET) == 0);
    CHECK(::read(fd.get(), part, 9) == 9);
    CHECK(std::string(part, 9) == "timeslice");
    CHECK(::write(fd.get(), part, 1) < 0);
  }
}

VM_TEST_CASE("a reader that stops halfway blocks nothing") {
  const Module module;
  const UniqueFd fd(::open(kThreads.c_str(), O_RDONLY | O_CLOEXEC));
  char byte;
  REQUIRE(::read(fd.get(), &byte, 1) == 1);
  const uint64_t before = observed_now();
  live::Storm storm(500);
  REQUIRE(live::until([&] { return storm.made() >= 60; }));
  storm.stop();
  // Their memory is freed although the file is still open: the table doesn't grow.
  REQUIRE(live::until([&] { return observed_now() <= before + 20; }));
}

VM_TEST_CASE("only root may read, unless a parameter permits others") {
  const auto as_nobody = [] {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(97);
  };
  for (const auto& [parameters, readable] :
       {std::pair<std::string, bool>{"", false}, {"world_readable=1", true}}) {
    const Module module(parameters);
    for (const std::string& path : {kThreads, kCores}) {
      INFO(parameters << " " << path);
      struct stat status {};
      REQUIRE(::stat(path.c_str(), &status) == 0);
      CHECK((status.st_mode & 07777) == (readable ? 0444 : 0400));
      live::Child child([&] {
        as_nobody();
        if ((::open(path.c_str(), O_RDONLY) >= 0) != readable) ::_exit(1);
      });
      CHECK(child.wait() == 0);
    }
  }
}

VM_TEST_CASE("a PID namespace sees its own threads, by its own ids") {
  const Module module;
  live::Pipe answer;
  live::Child child([&] {
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(96);
    const pid_t inner = ::fork();
    if (inner == 0) {
      const auto threads = threads_now();
      const uint32_t seen[2] = {static_cast<uint32_t>(threads.rows.size()),
                                threads.rows.empty() ? 0 : threads.rows[0].tid};
      ::_exit(::write(answer.in.get(), seen, sizeof seen) == sizeof seen ? 0 : 95);
    }
    int status = 0;
    ::waitpid(inner, &status, 0);
  });
  uint32_t seen[2] = {};
  REQUIRE(live::read_fully(answer.out.get(), seen, sizeof seen));
  CHECK(seen[0] == 1);
  CHECK(seen[1] == 1);
  CHECK(child.wait() == 0);
}

VM_TEST_CASE("threads over the limit are counted, and none of the others is lost") {
  const Module module("max_threads=16");
  const auto threads = threads_now();
  CHECK(threads.rows.size() == 16);
  CHECK(threads.refused_limit > 0);
  const live::Workload crowd(std::vector<live::Leg>(60, [] {}));  // each of them still exists
  CHECK(threads_now().rows.size() == 16);
  CHECK(threads_now().refused_limit >= threads.refused_limit + 60 - 16);
}

VM_TEST_CASE("the table drops threads that have ended") {
  const Module module;
  const uint64_t before = observed_now();
  live::Storm storm(500);
  REQUIRE(live::until([&] { return storm.made() >= 60; }));
  storm.stop();
  REQUIRE(live::until([&] { return observed_now() <= before + 20; }));
}

VM_TEST_CASE("off discards everything and on starts again") {
  const Module module;
  CHECK(parameter("enabled") == "Y");
  REQUIRE(set_parameter("enabled", "0") == 0);
  CHECK(threads_now().rows.empty());
  REQUIRE(set_parameter("enabled", "0") == 0);
  REQUIRE(set_parameter("enabled", "1") == 0);
  CHECK(threads_now().rows.size() > 20);
  CHECK(set_parameter("enabled", "perhaps") == -EINVAL);
  CHECK(set_parameter("max_threads", "5") < 0);
}

VM_TEST_CASE("a CPU may go offline and come back: its absence doesn't count as idle") {
  const Module module;
  const auto set_online = [](const char* value) {
    std::ofstream("/sys/devices/system/cpu/cpu1/online") << value << std::flush;
  };
  const auto core1 = [] {
    observe::KmodCores cores;
    parse_kmod_cores(live::read_file(kCores), cores);
    const auto at = std::find_if(cores.rows.begin(), cores.rows.end(),
                                 [](const ts_core_row& row) { return row.cpu == 1; });
    return at == cores.rows.end() ? ts_core_row{} : *at;
  };
  REQUIRE(live::until([&] { return core1().switches > 0; }));
  const ts_core_row before = core1();
  const auto down_at = live::Clock::now();
  set_online("0");
  REQUIRE(core1().record.kind == 0);  // not among the CPUs that are online
  live::spin(std::chrono::milliseconds(700));
  set_online("1");
  REQUIRE(live::until([&] { return core1().switches > before.switches; }));
  const ts_core_row after = core1();
  const auto away_ns =
      static_cast<uint64_t>(std::chrono::nanoseconds(live::Clock::now() - down_at).count());
  const uint64_t counted = after.busy_ns + after.idle_ns - before.busy_ns - before.idle_ns;
  CHECK(counted < away_ns - 600'000'000);
}

VM_TEST_CASE("a CPU's busy and idle time add up to the elapsed time") {
  const Module module;
  const auto cores_now = [] {
    observe::KmodCores cores;
    parse_kmod_cores(live::read_file(kCores), cores);
    return cores;
  };
  const auto both_begun = [&] {
    const auto cores = cores_now();
    return std::all_of(cores.rows.begin(), cores.rows.end(),
                       [](const ts_core_row& row) { return row.switches > 0; });
  };
  REQUIRE(live::until(both_begun));
  const auto outer_begin = live::Clock::now();
  const auto before = cores_now();
  const auto inner_begin = live::Clock::now();
  live::spin(std::chrono::milliseconds(300));
  const auto inner_end = live::Clock::now();
  const auto after = cores_now();
  const auto outer_end = live::Clock::now();
  for (size_t i = 0; i < before.rows.size(); ++i) {
    const uint64_t grown = after.rows[i].busy_ns + after.rows[i].idle_ns - before.rows[i].busy_ns -
                           before.rows[i].idle_ns;
    CHECK(grown >=
          static_cast<uint64_t>(std::chrono::nanoseconds(inner_end - inner_begin).count()));
    CHECK(grown <=
          static_cast<uint64_t>(std::chrono::nanoseconds(outer_end - outer_begin).count()));
  }
}

}  // namespace timeslice::vm
