// SPDX-License-Identifier: MIT
// What is left for those who may not have everything: a user without privileges, and a container
// whose seccomp filter refuses io_uring? The next lower rung, and the reason in one sentence.
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/top_json.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

constexpr uid_t kNobody = 65534;

void become_nobody() {
  if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(97);
}

void refuse(int call, int error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    _exit(97);
}

// Where the checkout is, nobody may not be allowed to look.
struct CopyForNobody : ScratchDirectory {
  CopyForNobody() : program(path() + "/timeslice") {
    namespace fs = std::filesystem;
    const auto all = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                     fs::perms::others_read | fs::perms::others_exec;
    fs::copy_file(timeslice(), program);
    fs::permissions(program, all);
    fs::permissions(path(), all);
  }
  const std::string program;
};

}  // namespace

TEST_CASE("without privileges the proc rung serves, says why, and has the kernel's counts") {
  const CopyForNobody copy;
  const Cast cast = mixed_threads();
  const std::string pid = std::to_string(cast[0]->pid());
  const Outcome outcome =
      run({copy.program, "top", "--json", "-n", "2", "-d", "0.1", "-p", pid}, become_nobody);
  CAPTURE(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.err.rfind("timeslice: cannot load the count rung", 0) == 0);
  CHECK(outcome.err.find("run as root") != std::string::npos);
  const std::vector<Json> frames = objects_in(outcome.out);
  REQUIRE(frames.size() == 2);
  for (const Json& frame : frames) {
    CHECK(frame["source"] == "proc");
    CHECK(frame["rung"] == "proc");
    CHECK(frame["threads"].size() == 4);
    for (const pid_t tid : cast[0]->tids()) {
      const Json thread = find_by(frame["threads"], "tid", tid);
      REQUIRE(thread.is_object());
      const Truth truth = truth_of(cast[0]->pid(), tid);
      CHECK(thread["nvcsw"] == truth.nvcsw);
      CHECK(thread["nivcsw"] == truth.nivcsw);
      CHECK(thread["migrations"].is_null());
      CHECK(thread["wait_p99_us"].is_null());
      CHECK(thread["top_waker"].is_null());
      CHECK(thread["sleeps_in"].is_null());  // another user's
    }
    for (const Json& core : frame["cores"]) CHECK(core["switches_per_s"].is_null());
    for (const Json& core : frame["cores"]) CHECK(core["queue_len"].is_null());
  }
}

TEST_CASE("without privileges the text names the columns that are lost") {
  const CopyForNobody copy;
  const Outcome outcome =
      run({copy.program, "top", "-b", "-n", "1", "-d", "0.1", "--probes", "sched"}, become_nobody);
  CHECK(outcome.status == 0);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.out.find("source proc  rung proc") != std::string::npos);
  const size_t at = outcome.out.find("not known on this rung:");
  REQUIRE(at != std::string::npos);
  const std::string lost = outcome.out.substr(at, outcome.out.find('\n', at) - at);
  for (const char* heading : {"MIG/S", "P99us", "PREEMPTOR", "WAKER"}) {
    CAPTURE(heading, lost);
    CHECK(lost.find(heading) != std::string::npos);
  }
  CHECK(lost.find("%CPU") == std::string::npos);
}

TEST_CASE("without privileges check says for each rung why not, and what to do") {
  const CopyForNobody copy;
  const Outcome outcome = run({copy.program, "check", "--json"}, become_nobody);
  CHECK(outcome.status == 0);
  const std::vector<Json> objects = objects_in(outcome.out);
  REQUIRE(objects.size() == 1);
  for (const Json& rung : objects[0]["rungs"]) {
    INFO(rung.dump());
    const std::string name = rung["rung"];
    const bool bpf = name == "aggregate" || name == "count";
    if (name == "proc" || bpf) CHECK(rung["allowed"] == !bpf);
    if (rung["allowed"] == true) continue;
    CHECK(rung["reason"].get<std::string>().size() > 20);
    CHECK(rung["mend"].get<std::string>().size() > 10);
  }
}

TEST_CASE("where io_uring is refused, top goes on without it") {
  const auto filter = [] { refuse(SYS_io_uring_setup, EPERM); };
  const std::string pid = std::to_string(getpid());
  const Outcome outcome = run(top({"--json", "-n", "2", "-d", "0.1", "-p", pid}), filter);
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  CHECK(objects_in(outcome.out).size() == 2);
  const Outcome check = run({timeslice(), "check", "--json"}, filter);
  CHECK(check.status == 0);
  const Json ring = objects_in(check.out).at(0)["rungs"].back();
  CHECK(ring["rung"] == "io_uring");
  CHECK(ring["allowed"] == false);  // else the filter didn't work, and the test proves nothing
  CHECK_FALSE(ring["reason"].is_null());
  Command command(top({"--json", "-d", "0.05", "-p", pid}), filter);
  REQUIRE(command.line());
  command.signal(SIGINT);
  CHECK(command.finish(5s).status == 0);
}

TEST_CASE("where bpf is refused, the proc rung serves root as well") {
  const auto filter = [] { refuse(SYS_bpf, EPERM); };
  const std::string pid = std::to_string(getpid());
  const Outcome outcome = run(top({"--json", "-n", "1", "-d", "0.1", "-p", pid}), filter);
  CAPTURE(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(objects_in(outcome.out).at(0)["rung"] == "proc");
}

}  // namespace timeslice::live
