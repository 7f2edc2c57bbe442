// SPDX-License-Identifier: MIT
// What do the module's files show a reader of other users? No more than the kernel's own files
// would.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <functional>
#include <set>

#include "observe/kmod_table.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

observe::KmodThreads parsed(const std::string& text) {
  observe::KmodThreads threads;
  parse_kmod_threads(text, threads);
  return threads;
}

const ts_thread_row* row_of(const observe::KmodThreads& threads, uint32_t tid) {
  const auto at = std::find_if(threads.rows.begin(), threads.rows.end(),
                               [&](const ts_thread_row& row) { return row.tid == tid; });
  return at == threads.rows.end() ? nullptr : &*at;
}

void become_nobody() {
  if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(97);
}

void write_whole(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(fd, text.data() + done, text.size() - done);
    if (put <= 0) ::_exit(98);
    done += static_cast<size_t>(put);
  }
}

std::string read_to_the_end(int fd) {
  std::string text;
  char part[4096];
  for (ssize_t got; (got = ::read(fd, part, sizeof part)) > 0;)
    text.append(part, static_cast<size_t>(got));
  return text;
}

// The output of a child that has changed its identity first.
std::string said_by(const std::function<void()>& become, const std::function<std::string()>& say) {
  live::Pipe answer;
  live::Child child([&] {
    become();
    write_whole(answer.in.get(), say());
  });
  answer.in = UniqueFd();
  std::string text = read_to_the_end(answer.out.get());
  CHECK(child.wait() == 0);
  return text;
}

std::string read_threads() { return read_in_steps(kThreads, 1 << 16); }

// From now on the caller is the first process of a new PID namespace.
void enter_namespace() {
  if (::unshare(CLONE_NEWPID) != 0) ::_exit(96);
  const pid_t inner = ::fork();
  if (inner == 0) return;
  int status = 0;
  ::waitpid(inner, &status, 0);
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 95);
}

}  // namespace

VM_TEST_CASE("a name can't send control characters to the terminal, and is read back unchanged") {
  const Module module;
  const std::string name = "\033]0;\a\x9b\302\2331m \\\177";
  live::Pipe named;
  const live::Child child([&] {
    ::prctl(PR_SET_NAME, name.c_str());
    write_whole(named.in.get(), "x");
    ::pause();
  });
  char byte;
  REQUIRE(live::read_fully(named.out.get(), &byte, 1));
  const std::string text = read_threads();
  CHECK(std::all_of(text.begin(), text.end(), [](char letter) {
    return letter == '\n' || (letter >= ' ' && letter < '\177');
  }));
  const auto threads = parsed(text);
  const ts_thread_row* row = row_of(threads, static_cast<uint32_t>(child.pid()));
  REQUIRE(row != nullptr);
  CHECK(std::string(row->comm) == name);
}

VM_TEST_CASE("a PID namespace sees no name from outside") {
  const Module module;
  live::Pipe to, from;
  const live::Child stranger([&] {
    ::prctl(PR_SET_NAME, "stranger");
    live::play_ping_pong(to, from, INT_MAX, false);
  });
  const auto woken = [](const std::string& text) {
    const auto threads = parsed(text);
    return threads.scheds.empty() ? 0 : threads.scheds[0].wakeups[TS_CONTEXT_TASK];
  };
  // On two CPUs an answer may arrive before the thread that waits for it has gone to sleep.
  const std::string text = said_by(enter_namespace, [&] {
    std::string seen = read_threads();
    for (int round = 0; round < 1000 && woken(seen) < 10; ++round) {
      live::play_ping_pong(from, to, 20, true);
      seen = read_threads();
    }
    return seen;
  });
  CHECK(text.find("stranger") == std::string::npos);
  const auto threads = parsed(text);
  REQUIRE(threads.rows.size() == 1);
  CHECK(threads.rows[0].tid == 1);
  // It was woken by a thread, which isn't named.
  const ts_sched_row& sched = threads.scheds[0];
  REQUIRE(sched.wakeups[TS_CONTEXT_TASK] >= 10);
  for (const ts_peer& waker : sched.wakers) {
    CHECK(waker.tid == 0);
    CHECK(waker.comm[0] == '\0');
  }
}

VM_TEST_CASE("figures of the whole machine are hidden from a container") {
  const Module module("world_readable=1");
  const auto say = [] {
    const UniqueFd cores(::open(kCores.c_str(), O_RDONLY | O_CLOEXEC));
    const std::string refused = cores ? "" : "cores refused, ";
    return refused + live::lines_of(read_threads()).at(0);
  };
  const auto nobody_in_a_namespace = [] {
    enter_namespace();
    become_nobody();
  };
  const std::string outside = said_by(become_nobody, say);
  const std::string inside = said_by(nobody_in_a_namespace, say);
  const std::string with_rights = said_by(enter_namespace, say);
  CHECK(inside.find("cores refused") == 0);
  CHECK(inside.find(" observed - refused_limit - refused_memory -") != std::string::npos);
  for (const std::string& all : {outside, with_rights}) {
    CHECK(all.find("cores refused") == std::string::npos);
    CHECK(all.find(" observed -") == std::string::npos);
  }
}

VM_TEST_CASE("arguments and stack pointers need the right to trace") {
  const Module module("world_readable=1");
  const auto sleeper = live::sleeper();  // rests in a read
  const auto tid = static_cast<uint32_t>(sleeper[0]->pid());
  const auto knows_syscall = [&](const std::function<void()>& become) {
    const auto threads = parsed(said_by(become, read_threads));
    const ts_thread_row* row = row_of(threads, tid);
    REQUIRE(row != nullptr);
    CHECK(row->nvcsw > 0);  // everything else is there
    if ((row->record.have & TS_HAVE_SYSCALL) == 0) CHECK(row->user_sp == 0);
    return (row->record.have & TS_HAVE_SYSCALL) != 0;
  };
  REQUIRE(live::until([&] { return knows_syscall([] {}); }));
  CHECK_FALSE(knows_syscall(become_nobody));
}

VM_TEST_CASE("where /proc hides other users' processes, so does the module") {
  const Module module("world_readable=1");
  const live::ScratchDirectory scratch;
  const std::string proc = scratch.path() + "/proc";
  REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
  REQUIRE(::mkdir(proc.c_str(), 0755) == 0);
  REQUIRE(::mount("proc", proc.c_str(), "proc", 0, "hidepid=2") == 0);
  const auto users_of = [&](const std::function<void()>& become) {
    const auto threads = parsed(
        said_by(become, [&] { return read_in_steps(proc + "/timeslice/threads", 1 << 16); }));
    return threads.rows.size();
  };
  CHECK(users_of([] {}) > 20);
  CHECK(users_of(become_nobody) == 1);
  CHECK(::umount(proc.c_str()) == 0);
}

}  // namespace timeslice::vm
