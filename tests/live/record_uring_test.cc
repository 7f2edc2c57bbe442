// SPDX-License-Identifier: MIT
// Is what a recording says of io_uring what its processes did? Their requests are of known routes
// and number, and counts are compared to the unit, ring by ring.
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "tests/catch.h"
#include "tests/live/recorded.h"
#include "tests/live/rings.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

struct Pair {
  Pair() {
    int ends[2];
    require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    one = UniqueFd(ends[0]);
    other = UniqueFd(ends[1]);
  }
  UniqueFd one, other;
};

// Twenty are received after they have been waited for; one more is waited for at the end.
void receive(Ring& ring, Pair& pair) {
  static char byte = 0;
  for (int i = 0; i <= 20; ++i) {
    io_uring_prep_recv(ring.next(), pair.one.get(), &byte, 1, 0);
    ring.submit();
    if (i == 20) break;
    require(write(pair.other.get(), "x", 1) == 1, "write");
    require(ring.wait() == 1, "recv");
  }
}

void wait_for_time(Ring& ring, int times) {
  __kernel_timespec soon{0, 1'000'000};
  for (int i = 0; i < times; ++i) {
    io_uring_prep_timeout(ring.next(), &soon, 0, 0);
    require(ring.perform() == -ETIME, "timeout");
  }
}

Json ring_report(const Recording& recording) { return recording.report({"--by", "ring"}); }

// The ring of that process by that number; or the process's only one.
Json ring_of(const Json& report, pid_t pid, int fd = -1) {
  Json found;
  for (const Json& ring : report["rings"])
    if (ring["tgid"] == pid && (fd < 0 || ring["fd"] == fd)) found = ring;
  return found;
}

using Routes = std::array<uint64_t, 4>;  // inline, async callback, poll, io-wq

Routes routes_of(const Json& whole, const std::string& name) {
  for (const Json& op : whole["ops"])
    if (op["op"] == name)
      return {op["inline"].get<uint64_t>(), op["async_callback"].get<uint64_t>(),
              op["poll"].get<uint64_t>(), op["io_wq"].get<uint64_t>()};
  return {};
}

void refuse_iterators() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_ITER_CREATE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
  };
  sock_fprog program{std::size(filter), filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(98);
}

}  // namespace

TEST_CASE("a recording has each ring's operations by route, to the unit", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  Pipe numbers;
  Workload workload({[&, first = true]() mutable {
    static Ring before;
    static Pair pair;
    if (first) {
      before.nops(77);  // not recorded yet
      first = false;
      return;
    }
    static Ring meanwhile(8);
    before.nops(300);
    receive(before, pair);
    wait_for_time(meanwhile, 10);
    meanwhile.nops(15, IOSQE_ASYNC);
    const int fds[] = {before.fd(), meanwhile.fd()};
    require(write(numbers.in.get(), fds, sizeof(fds)) == sizeof(fds), "write");
  }});
  workload.run();
  Recording recording({"--uring", "-p", std::to_string(workload.pid())});
  workload.run();
  int fds[2] = {};
  REQUIRE(read_fully(numbers.out.get(), fds, sizeof(fds)));
  const Outcome outcome = recording.finish();
  INFO(outcome.err);
  CHECK(outcome.status == 0);

  const Json report = ring_report(recording);
  INFO(report.dump());
  REQUIRE(report["rings"].size() == 2);
  const Json before = ring_of(report, workload.pid(), fds[0]);
  CHECK(before["sq_entries"] == 64);
  CHECK(before["in_flight"] == 1);
  CHECK(before["ops"].size() == 2);
  CHECK(routes_of(before, "NOP") == Routes{300, 0, 0, 0});
  CHECK(routes_of(before, "RECV") == Routes{0, 0, 20, 0});
  const Json meanwhile = ring_of(report, workload.pid(), fds[1]);
  CHECK(meanwhile["sq_entries"] == 8);
  CHECK(meanwhile["in_flight"] == 0);
  CHECK(meanwhile["ops"].size() == 2);
  CHECK(routes_of(meanwhile, "TIMEOUT") == Routes{0, 10, 0, 0});
  CHECK(routes_of(meanwhile, "NOP") == Routes{0, 0, 0, 15});
  CHECK(meanwhile["ops"][1]["p50_us"].get<double>() >= 1000);
  // And all of them together, as `timeslice uring` has it.
  CHECK(routes_of(report, "NOP") == Routes{300, 0, 0, 15});
  CHECK(report["ops"].size() == 3);
  CHECK(report["submitters"]["threads"] == 1);
  CHECK(report["workers"]["threads"].get<int>() >= 1);
  CHECK(report["switches_per_op"].get<double>() > 0);
  CHECK(report["trust"]["unseen_completions"] == 0);
  CHECK(report["trust"]["probe_ns_per_op"].get<double>() > 0);
  CHECK(report["trust"]["note"].is_null());
  CHECK(report["interval_s"].get<double>() ==
        Approx(report["duration_s"].get<double>()).epsilon(0.01));

  const Outcome text = run({timeslice(), "report", recording.path(), "--by", "ring"});
  CHECK(text.out.find("320 operations: NOP 300, RECV 20; inline 93.8%, poll 6.2%") !=
        std::string::npos);
  const Outcome csv = run({timeslice(), "report", recording.path(), "--by", "ring", "--csv"});
  CHECK(lines_of(csv.out).size() == 5);
  CHECK(csv.out.find(",RECV,20,0,0,20,0,0,0,0,") != std::string::npos);
}

TEST_CASE("what a recorded process has forked is recorded with its own rings", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  Workload stranger({[] { nops(500); }});
  Pipe pids;
  Workload workload({[&] {
    nops(7);
    const pid_t child = fork();
    if (child == 0) {
      nops(50);
      _exit(0);
    }
    require(waitpid(child, nullptr, 0) == child, "waitpid");
    require(write(pids.in.get(), &child, sizeof(child)) == sizeof(child), "write");
  }});
  Recording recording({"--uring", "-p", std::to_string(workload.pid())});
  stranger.run();
  workload.run();
  pid_t child = 0;
  REQUIRE(read_fully(pids.out.get(), &child, sizeof(child)));
  CHECK(recording.finish().status == 0);
  const Json report = ring_report(recording);
  INFO(report.dump());
  CHECK(routes_of(report, "NOP") == Routes{57, 0, 0, 0});
  CHECK(routes_of(ring_of(report, child), "NOP") == Routes{50, 0, 0, 0});
  CHECK(ring_of(report, stranger.pid()).is_null());
}

TEST_CASE("a recording of the whole machine has the rings of processes old and new", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  Workload old({[] {
    static Ring ring;
    ring.nops(31);
  }});
  old.run();
  Recording recording({"--uring"});
  old.run();
  Workload young({[] {
    static Ring ring;
    ring.nops(64);
  }});
  young.run();
  CHECK(recording.finish().status == 0);
  const Json report = ring_report(recording);
  INFO(report.dump());
  CHECK(routes_of(ring_of(report, old.pid()), "NOP") == Routes{31, 0, 0, 0});
  CHECK(routes_of(ring_of(report, young.pid()), "NOP") == Routes{64, 0, 0, 0});
  CHECK(ring_of(report, recording.pid()).is_null());  // nor the recorder's own
}

TEST_CASE("a recording of processes that have no ring says so", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r";
  const Outcome outcome = run({timeslice(), "record", "--uring", "-o", path, "--", "true"});
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  CHECK(outcome.err.find("no io_uring ring was seen in the recorded processes") !=
        std::string::npos);
  const Outcome report = run({timeslice(), "report", path, "--by", "ring"});
  CHECK(report.status == 0);
  CHECK(report.out.find("no io_uring ring was seen") == 0);
}

TEST_CASE("where io_uring can't be followed, the recording goes on and says what is missing",
          "[uring]") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r";
  const Outcome outcome =
      run({timeslice(), "record", "--uring", "-o", path, "--", "true"}, refuse_iterators);
  if (outcome.status != 0) SKIP_TEST("this kernel's passes need an iterator as well");
  CHECK(outcome.err.find("io_uring is not recorded: ") != std::string::npos);
  const Outcome text = run({timeslice(), "report", path, "--by", "ring"});
  CHECK(text.status == 0);
  CHECK(text.out.find("io_uring is not recorded: ") != std::string::npos);
  const Json json = Json::parse(run({timeslice(), "report", path, "--by", "ring", "--json"}).out);
  CHECK(json["ops"].is_null());
  CHECK_FALSE(json["trust"]["note"].is_null());
}

TEST_CASE("a recording without rings says how to get one that has them", "[uring]") {
  Recording recording({"--seconds", "0.1"});
  CHECK(recording.wait().status == 0);
  const Outcome outcome = run({timeslice(), "report", recording.path(), "--by", "ring", "--json"});
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find("timeslice record --uring") != std::string::npos);
}

}  // namespace timeslice::live
