// SPDX-License-Identifier: MIT
// What does the loop use where the machine offers less than requested: a tiny or old ring, or none?
#include <liburing.h>
#include <poll.h>
#include <sys/wait.h>

#include <system_error>
#include <thread>

#include "tests/loop/sleeps.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

using Catch::Matchers::Contains;

// A bit of everything; returns how many operations worked.
int exercise(const Options& options) {
  SocketPair pair;
  const UniqueFd file = temporary_file("content");
  std::vector<Request> requests(40);
  std::vector<std::array<char, 8>> buffers(requests.size());
  Request receiving, working;
  std::array<char, 1> byte{};
  GuardedLoop loop(options);
  int good = 0;
  loop.recv(receiving, pair.a.get(), byte.data(), 1, [&](Request& r) { good += r.result() == 1; });
  for (std::size_t i = 0; i < requests.size(); ++i)
    loop.read(requests[i], file.get(), buffers[i].data(), buffers[i].size(), 0,
              [&](Request& r) { good += transferred(options, r.result(), 7); });
  std::atomic<bool> written{false};
  loop.work(
      working, [&] { written = ::write(pair.b.get(), "x", 1) == 1; },
      [&](Request& r) { good += r.result() == 0 && written; });
  loop.run();
  return good;
}
constexpr int kAllGood = 42;

unsigned smallest_tried = 0;
unsigned flags_tried = 0;

// As a container's filter that knows only this call, and for as long as this process lives.
bool forbid(unsigned call, int error) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

TEST_ON_EACH_BACKEND("a ring of one entry does everything") {
  options.ring_entries = 1;
  CHECK(exercise(options) == kAllGood);
  options.observe_routes = true;
  CHECK(exercise(options) == kAllGood);
}

TEST_ON_EACH_BACKEND("completions that overflow the ring are not lost") {
  options.ring_entries = 1;  // so completions have room for two
  constexpr std::size_t kPipes = 64;
  std::vector<Pipe> pipes(kPipes);
  std::vector<Request> requests(kPipes);
  GuardedLoop loop(options);
  std::size_t ready = 0;
  for (std::size_t i = 0; i < kPipes; ++i)
    loop.poll(requests[i], pipes[i].out.get(), POLLIN,
              [&](Request& r) { ready += r.result() == POLLIN; });
  loop.set_immediate([&] {
    for (Pipe& pipe : pipes) REQUIRE(::write(pipe.in.get(), "x", 1) == 1);
  });
  loop.run();
  CHECK(ready == kPipes);
}

TEST_CASE("if the ring is refused, the loop falls back to the pool and says why") {
  struct Refusal {
    int error;
    const char* text;
    int (*setup)(unsigned, ::io_uring*, ::io_uring_params*);
  };
  const auto refusal = GENERATE(
      Refusal{EPERM, "not permitted",
              [](unsigned, ::io_uring*, ::io_uring_params*) { return -EPERM; }},
      Refusal{ENOSYS, "no io_uring",
              [](unsigned, ::io_uring*, ::io_uring_params*) { return -ENOSYS; }},
      Refusal{ENOMEM, "memory", [](unsigned, ::io_uring*, ::io_uring_params*) { return -ENOMEM; }},
      Refusal{EMFILE, "can't be set up",
              [](unsigned, ::io_uring*, ::io_uring_params*) { return -EMFILE; }});
  Options options;
  options.ring_setup = refusal.setup;
  Loop loop(options);
  CHECK(loop.backend_name() == std::string("pool"));
  CHECK_THAT(loop.backend_note(), Contains(refusal.text) && Contains("thread pool serves."));
  CHECK(exercise(options) == kAllGood);
}

TEST_CASE(
    "if the ring can be set up but not entered, the loop falls back to the pool and says why") {
  if (!why_no_uring().empty()) SKIP_TEST(why_no_uring());
  REQUIRE(forbid(__NR_io_uring_enter, GENERATE(EPERM, ENOSYS)));
  const auto before = open_descriptors();
  {
    Loop loop;
    CHECK(loop.backend_name() == std::string("pool"));
    CHECK_THAT(loop.backend_note(), Contains("io_uring_enter") && Contains("thread pool serves."));
  }
  CHECK(open_descriptors() == before);
  CHECK(exercise({}) == kAllGood);
}

TEST_CASE("a ring that is forbidden later throws when its queue is full") {
  if (!why_no_uring().empty()) SKIP_TEST(why_no_uring());
  // No request ever ends here, so neither may be destroyed.
  static auto* const requests = new std::vector<Request>(1000);
  static auto* const loop = new Loop;
  REQUIRE(forbid(__NR_io_uring_enter, EPERM));
  const auto start_all = [] {
    for (Request& request : *requests) loop->nop(request, {});
  };
  CHECK_THROWS_AS(start_all(), std::system_error);
}

TEST_CASE("without memory for the ring, a smaller one is tried") {
  if (!why_no_uring().empty()) SKIP_TEST(why_no_uring());
  Options options;
  options.ring_entries = 64;
  options.ring_setup = [](unsigned entries, ::io_uring* ring, ::io_uring_params* params) {
    smallest_tried = entries;
    return entries > 8 ? -ENOMEM : ::io_uring_queue_init_params(entries, ring, params);
  };
  Loop loop(options);
  CHECK(loop.backend_name() == std::string("uring"));
  CHECK(smallest_tried == 8);
  CHECK_THAT(loop.backend_note(), Contains("8 entries instead of 64"));
  CHECK(exercise(options) == kAllGood);
}

TEST_CASE("on an older kernel the ring works with fewer flags") {
  if (!why_no_uring().empty()) SKIP_TEST(why_no_uring());
  Options options;
  SECTION("without DEFER_TASKRUN") {
    options.ring_setup = [](unsigned entries, ::io_uring* ring, ::io_uring_params* params) {
      flags_tried = params->flags;
      return params->flags & IORING_SETUP_DEFER_TASKRUN
                 ? -EINVAL
                 : ::io_uring_queue_init_params(entries, ring, params);
    };
    const Loop loop(options);
    CHECK((flags_tried & IORING_SETUP_COOP_TASKRUN) != 0);
    CHECK_THAT(loop.backend_note(), Contains("COOP_TASKRUN."));
  }
  SECTION("without either") {
    options.ring_setup = [](unsigned entries, ::io_uring* ring, ::io_uring_params* params) {
      flags_tried = params->flags;
      return params->flags & ~unsigned{IORING_SETUP_CLAMP}
                 ? -EINVAL
                 : ::io_uring_queue_init_params(entries, ring, params);
    };
    const Loop loop(options);
    CHECK(flags_tried == IORING_SETUP_CLAMP);
    CHECK_THAT(loop.backend_note(), Contains("defaults"));
  }
  const Loop loop(options);
  CHECK(loop.backend_name() == std::string("uring"));
  CHECK(exercise(options) == kAllGood);
}

TEST_CASE("a kernel that lacks a feature is distinguished from one that refuses") {
  if (!why_no_uring().empty()) SKIP_TEST(why_no_uring());
  Options options;
  options.ring_setup = [](unsigned entries, ::io_uring* ring, ::io_uring_params* params) {
    const int error = ::io_uring_queue_init_params(entries, ring, params);
    params->features &= ~unsigned{IORING_FEAT_EXT_ARG};
    return error;
  };
  const Loop loop(options);
  CHECK(loop.backend_name() == std::string("pool"));
  CHECK_THAT(loop.backend_note(), Contains("lacks"));
}

TEST_CASE(
    "where a wait takes only milliseconds, a loop sleeps until its timer's time nevertheless") {
  REQUIRE(forbid(__NR_epoll_pwait2, GENERATE(ENOSYS, EPERM)));
  GuardedLoop loop({.backend = BackendKind::pool});
  check_sleeps(loop, {900us, 1500us, 7300us});
}

// The real thing: a filter as containers have it, in a child that can't be unfiltered again.
TEST_CASE("under a seccomp filter that forbids io_uring the loop runs on the pool") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!forbid_io_uring()) ::_exit(77);
    const bool noted = [] {
      const Loop loop;
      return loop.backend_name() == std::string("pool") &&
             loop.backend_note().find("not permitted") != std::string::npos;
    }();
    ::_exit(noted && exercise({}) == kAllGood ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) SKIP_TEST("this machine allows no seccomp filter");
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace timeslice::loop::test
