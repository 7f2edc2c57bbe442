// SPDX-License-Identifier: MIT
// What is left for those who may not have everything: a user without privileges, and a container
// whose seccomp filter refuses io_uring? The next lower mode, and the reason in one sentence.
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "tests/catch.h"
#include "tests/live/few_rights.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/top_json.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

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

TEST_CASE(
    "without privileges top falls back to proc mode, gives the reason, and has the kernel's "
    "counts") {
  const CopyForNobody copy;
  const Cast cast = mixed_threads();
  const std::string pid = std::to_string(cast[0]->pid());
  const Outcome outcome =
      run({copy.program, "top", "--json", "-n", "2", "-d", "0.1", "-p", pid}, become_nobody);
  CAPTURE(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.err.rfind("timeslice: cannot load the count mode's BPF programs", 0) == 0);
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

TEST_CASE("without privileges the text names the columns that are not available") {
  const CopyForNobody copy;
  const Outcome outcome =
      run({copy.program, "top", "-b", "-n", "1", "-d", "0.1", "--probes", "sched"}, become_nobody);
  CHECK(outcome.status == 0);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(outcome.out.find("source proc  mode proc") != std::string::npos);
  const size_t at = outcome.out.find("not available in this mode:");
  REQUIRE(at != std::string::npos);
  const std::string lost = outcome.out.substr(at, outcome.out.find('\n', at) - at);
  for (const char* heading : {"MIG/S", "P99us", "PREEMPTOR", "WAKER"}) {
    CAPTURE(heading, lost);
    CHECK(lost.find(heading) != std::string::npos);
  }
  CHECK(lost.find("%CPU") == std::string::npos);
}

TEST_CASE("without privileges check gives the reason and the fix for each mode") {
  const CopyForNobody copy;
  const Outcome outcome = run({copy.program, "check", "--json"}, become_nobody);
  CHECK(outcome.status == 0);
  const std::vector<Json> objects = objects_in(outcome.out);
  REQUIRE(objects.size() == 1);
  for (const Json& mode : objects[0]["rungs"]) {
    INFO(mode.dump());
    const std::string name = mode["rung"];
    const bool bpf = name == "aggregate" || name == "count";
    if (name == "proc" || bpf) CHECK(mode["allowed"] == !bpf);
    if (mode["allowed"] == true) continue;
    CHECK(mode["reason"].get<std::string>().size() > 20);
    CHECK(mode["fix"].get<std::string>().size() > 10);
  }
}

TEST_CASE("CAP_BPF with CAP_PERFMON gives counters, probes and recordings to nobody") {
  const CopyForNobody copy;
  const auto few = [] { become_nobody_with({CAP_BPF, CAP_PERFMON}); };
  const Cast cast = mixed_threads();
  const std::string pid = std::to_string(cast[0]->pid());
  for (const std::string probes : {"none", "sched"}) {
    const Outcome outcome =
        run({copy.program, "top", "--json", "-n", "1", "-d", "0.1", "-p", pid, "--probes", probes},
            few);
    CAPTURE(outcome.err);
    CHECK(outcome.err.empty());
    const Json frame = objects_in(outcome.out).at(0);
    CHECK(frame["rung"] == (probes == "none" ? "count" : "aggregate"));
    CHECK(frame["threads"].size() == 4);
    for (const pid_t tid : cast[0]->tids()) {
      const Json thread = find_by(frame["threads"], "tid", tid);
      REQUIRE(thread.is_object());
      CHECK(thread["nvcsw"] == truth_of(cast[0]->pid(), tid).nvcsw);
      CHECK(thread["sleeps_in"] == "read");  // another user's, and known without ptrace
    }
  }
  const ScratchDirectory directory;
  REQUIRE(chown(directory.path().c_str(), kNobody, kNobody) == 0);
  const std::string path = directory.path() + "/r";
  const Outcome recorded = run({copy.program, "record", "-q", "--seconds", "0.1", "-o", path}, few);
  CAPTURE(recorded.err);
  CHECK(recorded.status == 0);
  const Json report = Json::parse(run({timeslice(), "report", path, "--json"}).out);
  CHECK(report["trust"]["complete"] == true);
  CHECK_FALSE(report["threads"].empty());
}

TEST_CASE("a recorded command keeps the capabilities granted to its user") {
  const CopyForNobody copy;
  const auto few = [] { become_nobody_with({CAP_BPF, CAP_PERFMON, CAP_NET_RAW}); };
  const std::vector<std::string> command = {"/bin/grep", "-E", "Cap|NoNewPrivs",
                                            "/proc/self/status"};
  std::vector<std::string> recorded = {copy.program, "record", "-q", "-o", "/dev/null", "--"};
  recorded.insert(recorded.end(), command.begin(), command.end());
  const Outcome alone = run(command, few), with = run(recorded, few);
  CAPTURE(with.err);
  CHECK(lines_of(alone.out).size() == 6);
  CHECK(with.out == alone.out);
}

TEST_CASE(
    "with only one of the two capabilities top falls back to proc mode, and reports what is "
    "missing") {
  const CopyForNobody copy;
  for (const unsigned one : {CAP_BPF, CAP_PERFMON}) {
    const auto alone = [one] { become_nobody_with({one}); };
    const std::string pid = std::to_string(getpid());
    const Outcome top =
        run({copy.program, "top", "--json", "-n", "1", "-d", "0.1", "-p", pid}, alone);
    CAPTURE(one, top.err);
    CHECK(top.status == 0);
    CHECK(objects_in(top.out).at(0)["rung"] == "proc");
    CHECK(lines_of(top.err).size() == 1);
    CHECK(top.err.find("CAP_BPF and CAP_PERFMON") != std::string::npos);
    const Outcome record =
        run({copy.program, "record", "--seconds", "0.1", "-o", "/dev/null"}, alone);
    CHECK(record.status == 1);
    CHECK(record.err.find("CAP_BPF and CAP_PERFMON") != std::string::npos);
  }
}

TEST_CASE("another user's runtime is shown with CAP_SYS_PTRACE, and only with it") {
  if (run({"node", "--version"}).status != 0) SKIP_TEST("no node in PATH");
  const CopyForNobody copy;
  Command node({"node", "-e", "console.log('ready'); setInterval(() => {}, 1e6)"});
  REQUIRE(node.line() == "ready");
  const auto look = [&](const std::vector<unsigned>& capabilities) {
    return Command({copy.program, "top", "--json", "-d", "0.05", "-p", std::to_string(node.pid())},
                   [=] { become_nobody_with(capabilities); });
  };
  const auto runtime_in = [](const std::string& line) {
    const Json frame = Json::parse(line);
    CHECK(frame["rung"] == "count");
    return frame["processes"].at(0)["runtime"];
  };
  // Looked up beside the frames, so not always in the first.
  Command with(look({CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE}));
  CHECK(until([&] {
    const auto line = with.line();
    REQUIRE(line);
    return runtime_in(*line) == "node";
  }));
  Command without(look({CAP_BPF, CAP_PERFMON}));
  for (int frames = 0; frames < 20; ++frames) {
    const auto line = without.line();
    REQUIRE(line);
    CHECK(runtime_in(*line).is_null());
  }
}

TEST_CASE("a recorder raises its descriptor limit, or reports that it is too low") {
  const auto limit_to = [](rlim_t soft, rlim_t hard) {
    return [=] {
      const rlimit limit{soft, hard};
      if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(97);
    };
  };
  const std::vector<std::string> record = {timeslice(), "record", "-q",       "--seconds",
                                           "0.05",      "-o",     "/dev/null"};
  const Outcome raised = run(record, limit_to(20, 1024));
  CAPTURE(raised.err);
  CHECK(raised.status == 0);
  // However many its programs take: with a few less than enough there is none left for a ring.
  bool said = false;
  for (auto few = static_cast<rlim_t>(sysconf(_SC_NPROCESSORS_CONF)) + 32; !said && few > 8;
       --few) {
    const Outcome outcome = run(record, limit_to(few, few));
    CHECK(outcome.err.find("no memory for a ring") == std::string::npos);
    said = outcome.status == 1 && outcome.err.find("raise the limit") != std::string::npos;
  }
  CHECK(said);
}

TEST_CASE("if io_uring is refused, top works without it") {
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
  CHECK(command.finish().status == 0);
}

TEST_CASE("if bpf is refused, root falls back to proc mode, too") {
  const auto filter = [] { refuse(SYS_bpf, EPERM); };
  const std::string pid = std::to_string(getpid());
  const Outcome outcome = run(top({"--json", "-n", "1", "-d", "0.1", "-p", pid}), filter);
  CAPTURE(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK(objects_in(outcome.out).at(0)["rung"] == "proc");
}

}  // namespace timeslice::live
