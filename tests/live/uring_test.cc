// SPDX-License-Identifier: MIT
// Is what we say of io_uring what a process did? Its requests are of known routes and number, and
// counts are compared to the unit.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "live/uring_watch.h"
#include "tests/catch.h"
#include "tests/live/bpf_objects.h"
#include "tests/live/few_rights.h"
#include "tests/live/rings.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

// What a process did, from outside, while it rests again.
model::UringFrame watched(
    const Leg& leg, const Leg& before = [] {}) {
  Workload workload({[&, first = true]() mutable {
    first ? before() : leg();
    first = false;
  }});
  workload.run();
  UringWatch watch({static_cast<uint32_t>(workload.pid())});
  workload.run();
  return watch.take();
}

using Routes = std::array<uint64_t, TS_URING_ROUTES>;

model::UringOp op_of(const model::UringFrame& frame, const std::string& name) {
  if (frame.figures.ops)
    for (const model::UringOp& op : *frame.figures.ops)
      if (op.op == name) return op;
  return {};
}

bool can_read_without_waiting(const char* path) {
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  char byte = 0;
  const iovec part{&byte, 1};
  return pread(file.get(), &byte, 1, 0) == 1 && preadv2(file.get(), &part, 1, 0, RWF_NOWAIT) == 1;
}

}  // namespace

TEST_CASE("what io_uring does at once is counted as inline, to the unit", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  const model::UringFrame frame = watched([] {
    nops(1000);
    Ring ring;
    const UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    std::array<char, 4096> page{};
    require(pread(file.get(), page.data(), page.size(), 0) == 4096, "pread");  // is cached now
    for (int i = 0; i < 37; ++i) {
      io_uring_prep_read(ring.next(), file.get(), page.data(), page.size(), 0);
      require(ring.perform() == 4096, "read");
    }
    for (int batch = 0; batch < 3; ++batch) {
      for (int i = 0; i < 64; ++i) io_uring_prep_nop(ring.next());
      ring.submit();
      for (int i = 0; i < 64; ++i) ring.wait();
    }
  });
  CHECK(op_of(frame, "NOP").by_route == Routes{1192, 0, 0, 0});
  CHECK(op_of(frame, "NOP").timed == 1192);
  // Not every file system can say that a read would wait; of the others, workers read.
  CHECK(op_of(frame, "READ").count() == 37);
  if (can_read_without_waiting("/proc/self/exe"))
    CHECK(op_of(frame, "READ").by_route == Routes{37, 0, 0, 0});
  CHECK(frame.figures.completed() == 1229U);
  CHECK(frame.figures.submitters.threads == 1);
  CHECK(frame.figures.unseen == 0U);
  CHECK(frame.figures.overflows == 0U);
}

TEST_CASE("what waits for its file is counted as polled, and nothing of another process",
          "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  Workload stranger({[] { nops(500); }});
  const model::UringFrame frame = watched([&] {
    int ends[2];
    require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    const UniqueFd one(ends[0]), other(ends[1]);
    const Pipe pipe;
    Ring ring;
    for (int i = 0; i < 20; ++i) {
      char byte = 0;
      io_uring_prep_recv(ring.next(), one.get(), &byte, 1, 0);
      ring.submit();
      require(write(other.get(), "x", 1) == 1, "write");
      require(ring.wait() == 1, "recv");
    }
    for (int i = 0; i < 7; ++i) {
      char byte = 0;
      io_uring_prep_poll_add(ring.next(), pipe.out.get(), POLLIN);
      ring.submit();
      require(write(pipe.in.get(), "x", 1) == 1, "write");
      require(ring.wait() == POLLIN, "poll");
      require(read(pipe.out.get(), &byte, 1) == 1, "read");
    }
  });
  CHECK(op_of(frame, "RECV").by_route == Routes{0, 0, 20, 0});
  CHECK(op_of(frame, "POLL_ADD").by_route == Routes{0, 0, 7, 0});

  UringWatch watch({static_cast<uint32_t>(getpid())});
  stranger.run();
  CHECK(watch.take().figures.completed() == 0U);
}

TEST_CASE("what a worker of io_uring does is counted as io-wq, and the worker as one", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  const model::UringFrame frame = watched([] {
    static Ring ring;  // its workers stay with it
    for (int i = 0; i < 15; ++i) {
      io_uring_sqe* const sqe = ring.next();
      io_uring_prep_nop(sqe);
      sqe->flags |= IOSQE_ASYNC;
      ring.perform();
    }
  });
  CHECK(op_of(frame, "NOP").by_route == Routes{0, 0, 0, 15});
  CHECK(frame.figures.workers.threads >= 1);
  REQUIRE(frame.figures.switches_per_op());
  CHECK(*frame.figures.switches_per_op() > 0);
}

TEST_CASE("timeouts are counted as called back, with their latency", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  const model::UringFrame frame = watched([] {
    Ring ring;
    __kernel_timespec soon{0, 2'000'000};
    for (int i = 0; i < 10; ++i) {
      io_uring_prep_timeout(ring.next(), &soon, 0, 0);
      require(ring.perform() == -ETIME, "timeout");
    }
  });
  const model::UringOp timeout = op_of(frame, "TIMEOUT");
  CHECK(timeout.by_route == Routes{0, 10, 0, 0});
  REQUIRE(timeout.p50_ns);
  CHECK(*timeout.p50_ns >= 2'000'000);
}

TEST_CASE("requests that go on, skip their CQE, or are refused are counted as such", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  const model::UringFrame frame = watched([] {
    const Pipe pipe;
    Ring ring;
    io_uring_prep_poll_multishot(ring.next(), pipe.out.get(), POLLIN);
    ring.submit();
    for (int i = 0; i < 5; ++i) {
      require(write(pipe.in.get(), "x", 1) == 1, "write");
      require(ring.wait() == POLLIN, "poll");
    }
    io_uring_prep_poll_remove(ring.next(), 0);
    require(ring.perform() + ring.wait() == -ECANCELED, "poll_remove");
    for (int i = 0; i < 8; ++i) {
      io_uring_sqe* const sqe = ring.next();
      io_uring_prep_nop(sqe);
      sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
      ring.submit();
    }
    for (int i = 0; i < 3; ++i) {
      io_uring_sqe* const sqe = ring.next();
      io_uring_prep_close(sqe, -1);
      sqe->flags |= 0x80;  // means nothing yet
      require(ring.perform() == -EINVAL, "refused");
    }
    for (int i = 0; i < 64; ++i) io_uring_prep_nop(ring.next());  // use all their memory again
    ring.submit();
    for (int i = 0; i < 64; ++i) ring.wait();
  });
  CHECK(op_of(frame, "POLL_ADD").count() == 6);  // the last one says that it is cancelled
  CHECK(op_of(frame, "POLL_ADD").shots == 5);
  CHECK(op_of(frame, "NOP").by_route == Routes{72, 0, 0, 0});
  CHECK(op_of(frame, "NOP").without_cqe == 8);
  CHECK(op_of(frame, "CLOSE").by_route == Routes{3, 0, 0, 0});
  CHECK(op_of(frame, "CLOSE").refused == 3);
}

TEST_CASE("a multishot request that was armed before us is named once its file becomes ready",
          "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  struct Armed {
    Ring ring;
    Pipe pipe;
  };
  static Armed* armed = nullptr;
  const model::UringFrame frame = watched(
      [] {
        for (int i = 0; i < 6; ++i) {
          require(write(armed->pipe.in.get(), "x", 1) == 1, "write");
          require(armed->ring.wait() == POLLIN, "poll");
        }
      },
      [] {
        armed = new Armed;
        io_uring_prep_poll_multishot(armed->ring.next(), armed->pipe.out.get(), POLLIN);
        armed->ring.submit();
      });
  CHECK(op_of(frame, "POLL_ADD").by_route == Routes{0, 0, 6, 0});
}

TEST_CASE("a ring's fill, overflow and poller are seen from outside", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  Workload workload({[] {
    static Ring full(4);
    for (int batch = 0; batch < 3; ++batch) {
      for (int i = 0; i < 4; ++i) io_uring_prep_nop(full.next());
      full.submit();
    }
    static Ring polled(16, IORING_SETUP_SQPOLL);
    io_uring_prep_nop(polled.next());
    polled.perform();
  }});
  UringWatch watch({static_cast<uint32_t>(workload.pid())});
  workload.run();
  const model::UringFrame frame = watch.take();
  CHECK(frame.figures.overflows == 4U);
  CHECK(op_of(frame, "NOP").by_route == Routes{9, 0, 0, 0});
  CHECK(frame.figures.sqpoll.threads == 1);
  CHECK(frame.figures.submitters.threads == 1);

  // Older kernels (6.1) name a poller only while it rests.
  std::vector<model::UringRing> rings;
  REQUIRE(until([&] {
    rings = watch.take().rings;
    return rings.size() == 2 && rings[1].sq_thread;
  }));
  CHECK(rings[0].sq_entries == 4U);
  CHECK(rings[0].cq_entries == 8U);
  CHECK(rings[0].cq_unread == 8U);
  CHECK(rings[0].overflow == 4U);
  CHECK_FALSE(rings[0].sq_thread);
}

TEST_CASE("nothing of timeslice uring is left in the kernel when it is killed", "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  Workload workload({[] { nops(100); }});
  const BpfIds before = bpf_ids();
  Command command(
      {timeslice(), "uring", "--json", "-d", "0.05", "-p", std::to_string(workload.pid())});
  REQUIRE(command.line());
  REQUIRE_FALSE(link_types_in(bpf_ids_since(before, command.pid())).empty());
  command.signal(SIGKILL);
  command.finish();
  CHECK(until([&] { return bpf_ids_since(before, 0).empty(); }));
}

TEST_CASE("without rights, a process's own rings are shown, and operations are null with a reason",
          "[uring]") {
  if (!why_no_ring().empty()) SKIP_TEST(why_no_ring());
  Workload workload({[] {
    become_nobody();
    prctl(PR_SET_DUMPABLE, 1);
    static Ring ring(8);
  }});
  workload.run();
  const Outcome outcome = run({timeslice(), "uring", "--json", "-n", "1", "-d", "0.05", "-p",
                               std::to_string(workload.pid())},
                              become_nobody);
  CHECK(outcome.status == 0);
  CHECK(outcome.err.find("showing rings and threads only: ") != std::string::npos);
  const Json json = Json::parse(outcome.out);
  CHECK(json["rings"].size() == 1);
  CHECK(json["rings"][0]["sq_entries"] == 8);
  CHECK(json["ops"].is_null());
  CHECK(json["switches_per_op"].is_null());
}

}  // namespace timeslice::live
