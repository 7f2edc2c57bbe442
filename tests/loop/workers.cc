// SPDX-License-Identifier: MIT
// Does a worker run on a thread and a loop of its own, and is its end, of whatever kind, delivered
// to its parent once, last, and on the parent's thread?
#include "loop/threads/worker.h"

#include <pthread.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <stdexcept>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

std::string what_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "something else";
  }
}

// Writes down a worker's events, and that they come on the thread that made this.
struct Events {
  std::string words;
  bool on_own_thread = true;

  WorkerEvents handlers() {
    return {.on_message = [this](Message& message) { note(std::string(message.text()) + " "); },
            .on_error = [this](const std::exception_ptr& e) { note("error(" + what_of(e) + ") "); },
            .on_exit = [this](int code) { note("exit(" + std::to_string(code) + ")"); }};
  }

 private:
  std::thread::id thread_ = std::this_thread::get_id();
  void note(const std::string& word) {
    on_own_thread &= std::this_thread::get_id() == thread_;
    words += word;
  }
};

void echo(WorkerContext& context) {
  context.port().bind(context.loop(),
                      [&](Message& message) { context.port().send(std::move(message)); });
}

// Sends one message, and then nothing more.
void sleep_for_ever(WorkerContext& context) {
  context.port().bind(context.loop(), {});
  context.port().send(Message("asleep"));
}

bool exists(pid_t thread) {
  return ::access(("/proc/self/task/" + std::to_string(thread)).c_str(), F_OK) == 0;
}

// A thread can be joined a moment before the kernel takes it out of /proc.
bool goes(pid_t thread) {
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (exists(thread) && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return !exists(thread);
}

// From now on two system calls fail with `error`, for the rest of this process's life. False
// without seccomp.
bool forbid(unsigned call, unsigned other, unsigned error) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// In a child that can't be unfiltered again: a worker where these calls give `error` has to end
// with a text that begins with `expected`.
void check_start_without(unsigned call, unsigned other, unsigned error,
                         const std::string& expected) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Events events;
    GuardedLoop loop;
    if (!forbid(call, other, error)) ::_exit(77);
    Worker worker(loop, {.name = "unborn"}, echo, events.handlers());
    loop.run();
    const bool right = events.words.find("error(" + expected) == 0 &&
                       events.words.find(" exit(1)") == events.words.size() - 8 &&
                       !worker.send(Message());
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) SKIP_TEST("this machine allows no seccomp filter");
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace

TEST_CASE("a worker has a thread, a loop and a name of its own, and takes no signals") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Events events;
  std::atomic<pid_t> tid{0};
  std::atomic<bool> good{false};
  Worker worker(
      loop, {.loop = options},
      [&](WorkerContext& context) {
        tid = context.thread_id();
        std::array<char, 16> comm{};
        ::pthread_getname_np(::pthread_self(), comm.data(), comm.size());
        sigset_t blocked;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        bool all_blocked = true;
        for (const int signo : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD, SIGPIPE, SIGALRM})
          all_blocked &= ::sigismember(&blocked, signo) == 1;
        good = std::string(comm.data()) == context.name().substr(0, 15) && all_blocked &&
               context.loop().backend_name() == std::string(loop.backend_name());
      },
      events.handlers());
  CHECK(worker.name().substr(0, 12) == "loop-worker-");
  CHECK(worker.running());
  loop.run();
  CHECK(good);
  CHECK(tid != 0);
  CHECK(tid != ::gettid());
  CHECK(goes(tid));
  CHECK_FALSE(worker.running());
  CHECK_FALSE(worker.send(Message("too late")));
  CHECK(events.words == "exit(0)");
}

TEST_CASE("messages go both ways, and the last one still arrives before the exit") {
  ON_EACH_BACKEND(options);
  constexpr int kMessages = 5'000;  // more than one turn delivers
  GuardedLoop loop(options);
  int received = 0;
  int exits = 0;
  bool in_order = true;
  Worker worker(loop, {.name = "counter", .loop = options},
                [](WorkerContext& context) {
                  context.port().bind(context.loop(), [&](Message& message) {
                    for (int i = 0; i < kMessages; ++i)
                      context.port().send(Message(message.text()));
                    context.exit(3);
                  });
                },
                {.on_message =
                     [&](Message& message) {
                       in_order &= exits == 0 && message.text() == "ping";
                       ++received;
                     },
                 .on_exit =
                     [&](int code) {
                       exits += code;
                       in_order &= received == kMessages;
                     }});
  CHECK(worker.name() == "counter");
  CHECK(worker.send(Message("ping")));
  loop.run();
  CHECK(received == kMessages);
  CHECK(exits == 3);
  CHECK(in_order);
}

TEST_CASE("two workers sum an array in a shared buffer") {
  ON_EACH_BACKEND(options);
  constexpr std::size_t kNumbers = 10'000;
  constexpr std::size_t kSum = 0, kPosition = 1, kFirst = 2;
  const SharedBuffer shared((kFirst + kNumbers) * sizeof(std::int64_t));
  for (std::size_t i = 0; i < kNumbers; ++i)
    shared.store<std::int64_t>(kFirst + i, static_cast<std::int64_t>(i * i));
  const auto sum = [](WorkerContext& context) {
    context.port().bind(context.loop(), [&](Message& message) {
      const SharedBuffer numbers = message.shared.at(0);
      for (;;) {  // each takes the next number when it is free
        const auto position = numbers.add<std::int64_t>(kPosition, 1);
        if (position >= static_cast<std::int64_t>(kNumbers)) break;
        numbers.add<std::int64_t>(
            kSum, numbers.load<std::int64_t>(kFirst + static_cast<std::size_t>(position)));
      }
      context.port().close();
    });
  };
  GuardedLoop loop(options);
  int exits = 0;
  const WorkerEvents events{.on_exit = [&](int code) { exits += code == 0; }};
  Worker first(loop, {.loop = options}, sum, events);
  Worker second(loop, {.loop = options}, sum, events);
  for (Worker* worker : {&first, &second}) {
    Message message;
    message.shared.push_back(shared);
    worker->send(std::move(message));
  }
  loop.run();
  CHECK(exits == 2);
  constexpr std::int64_t kN = kNumbers;
  CHECK(shared.load<std::int64_t>(kSum) == (kN - 1) * kN * (2 * kN - 1) / 6);
}

TEST_CASE("an exception in a worker reaches its parent, then the exit does") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Events events;
  Worker::Main main;
  SECTION("from main") {
    main = [](WorkerContext& context) {
      context.port().send(Message("begun"));
      throw std::runtime_error("no");
    };
  }
  SECTION("from a callback") {
    main = [](WorkerContext& context) {
      context.port().send(Message("begun"));
      context.port().bind(context.loop(), {});
      auto& timer = context.keep<Timer>(context.loop(), [] { throw std::runtime_error("no"); });
      timer.start(1ms);
    };
  }
  SECTION("from a loop that main runs itself") {
    main = [](WorkerContext& context) {
      context.port().send(Message("begun"));
      Timer timer(context.loop(), [] { throw std::runtime_error("no"); });
      timer.start(1ms);
      context.loop().run();
    };
  }
  Worker worker(loop, {.loop = options}, main, events.handlers());
  loop.run();
  CHECK(events.words == "begun error(no) exit(1)");
  CHECK(events.on_own_thread);
}

TEST_CASE("an unhandled error is thrown from the parent's run()") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  int code = -1;
  Worker worker(loop, {.loop = options},
                [](WorkerContext&) { throw std::runtime_error("unhandled"); },
                {.on_exit = [&](int exit_code) { code = exit_code; }});
  CHECK_THROWS_WITH(loop.run(), "unhandled");
  CHECK(code == -1);
  loop.run();
  CHECK(code == 1);
}

TEST_CASE("exit ends a worker after its callback, with a code") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Events events;
  Worker::Main main;
  SECTION("in main") {
    main = [](WorkerContext& context) {
      context.loop().set_immediate([&] { context.port().send(Message("never")); });
      context.exit(7);
      context.exit(8);
      context.port().send(Message("to the end"));
    };
  }
  SECTION("in a callback") {
    main = [](WorkerContext& context) {
      context.loop().set_immediate([&] {
        context.loop().next_tick([&] { context.port().send(Message("to")); });
        context.exit(7);
        context.loop().queue_microtask([&] { context.port().send(Message("never")); });
        context.port().send(Message("up"));
      });
      context.loop().set_immediate([&] { context.port().send(Message("never")); });
    };
  }
  SECTION("in a loop that main runs itself") {
    main = [](WorkerContext& context) {
      context.loop().set_immediate([&] { context.exit(7); });
      context.loop().run();
      context.port().send(Message("never"));
    };
  }
  SECTION("in a loop that main runs itself, and whose exceptions it catches") {
    main = [](WorkerContext& context) {
      context.loop().set_immediate([&] { context.exit(7); });
      context.loop().set_immediate([&] { context.port().send(Message("never")); });
      try {
        context.loop().run();
      } catch (...) {  // NOLINT(bugprone-empty-catch)
      }
    };
  }
  Worker worker(loop, {.loop = options}, main, events.handlers());
  loop.run();
  CHECK(events.words.find("never") == std::string::npos);
  CHECK(events.words.substr(events.words.rfind(' ') + 1) == "exit(7)");
}

TEST_CASE("a worker that sleeps forever can be terminated") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  std::string words;
  std::unique_ptr<Worker> worker;
  worker = std::make_unique<Worker>(loop, WorkerOptions{.loop = options}, sleep_for_ever,
                                    WorkerEvents{.on_message =
                                                     [&](Message& message) {
                                                       words += message.text();
                                                       worker->terminate();
                                                       worker->terminate();
                                                     },
                                                 .on_exit =
                                                     [&](int code) {
                                                       words += " exit " + std::to_string(code);
                                                       worker.reset();  // which it may do
                                                     }});
  loop.run();
  CHECK(words == "asleep exit 1");
  CHECK_FALSE(worker);
}

TEST_CASE("a worker terminated right after its start ends, however far it has got") {
  ON_EACH_BACKEND(options);
  for (int round = 0; round < 30; ++round) {
    GuardedLoop loop(options);
    int code = -1;
    Worker worker(loop, {.loop = options}, sleep_for_ever,
                  {.on_exit = [&](int exit_code) { code = exit_code; }});
    worker.terminate();
    loop.run();
    REQUIRE(code == 1);
  }
}

TEST_CASE("a running callback is not interrupted by terminate") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Events events;
  const SharedBuffer gate(4);
  Worker worker(loop, {.loop = options},
                [gate](WorkerContext& context) {
                  context.loop().set_immediate([&context, gate] {
                    context.port().send(Message("in the middle"));
                    gate.wait(0, 0, kDeadline);
                    context.port().send(Message("at the end"));
                  });
                  context.port().bind(context.loop(), {});
                },
                {.on_message =
                     [&](Message& message) {
                       events.handlers().on_message(message);
                       worker.terminate();
                       gate.store<std::int32_t>(0, 1);
                       gate.notify(0);
                     },
                 .on_exit = events.handlers().on_exit});
  loop.run();
  CHECK(events.words == "in the middle at the end exit(1)");
}

TEST_CASE("a worker destroyed while it runs is terminated and joined, and makes no callback") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Events events;
  std::atomic<pid_t> tid{0};
  std::unique_ptr<Worker> worker;
  const Worker::Main main = [&](WorkerContext& context) {
    tid = context.thread_id();
    sleep_for_ever(context);
  };
  WorkerEvents handlers = events.handlers();
  SECTION("from outside") {
    worker = std::make_unique<Worker>(loop, WorkerOptions{.loop = options}, main, handlers);
    worker.reset();
    loop.run();
    CHECK(events.words.empty());
  }
  SECTION("in its own on_message") {
    handlers.on_message = [&](Message& message) {
      worker.reset();
      events.handlers().on_message(message);
    };
    worker = std::make_unique<Worker>(loop, WorkerOptions{.loop = options}, main, handlers);
    loop.run();
    CHECK(events.words == "asleep ");
  }
  if (tid != 0) CHECK(goes(tid));
}

TEST_CASE("a destroyed loop terminates its workers") {
  ON_EACH_BACKEND(options);
  Events events;
  std::atomic<pid_t> tid{0};
  std::unique_ptr<Worker> worker;
  {
    GuardedLoop loop(options);
    worker = std::make_unique<Worker>(
        loop, WorkerOptions{.loop = options},
        [&](WorkerContext& context) {
          tid = context.thread_id();
          sleep_for_ever(context);
        },
        WorkerEvents{.on_message = [&](Message&) { loop.stop(); },
                     .on_exit = events.handlers().on_exit});
    loop.run();
    CHECK(exists(tid));
  }
  CHECK(goes(tid));
  CHECK_FALSE(worker->running());
  CHECK_FALSE(worker->send(Message("nobody there")));
  worker->terminate();
  worker->unref();
  CHECK(events.words.empty());
}

TEST_CASE("an unreferenced worker doesn't keep its parent alive") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Worker worker(loop, {.loop = options}, sleep_for_ever);
  CHECK(loop.alive());
  worker.unref();
  loop.run();
  CHECK(worker.running());
  worker.ref();
  CHECK(loop.alive());
}

TEST_CASE("what a worker keeps lives until its loop is destroyed, even requests in flight") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Events events;
  std::mutex mutex;
  std::string gone;
  struct Leaver {
    Leaver(std::mutex& guard, std::string& where, char letter)
        : guard_(guard), where_(where), letter_(letter) {}
    ~Leaver() {
      const std::lock_guard lock(guard_);
      where_ += letter_;
    }
    std::mutex& guard_;
    std::string& where_;
    char letter_;
  };
  Worker worker(
      loop, {.loop = options},
      [&](WorkerContext& context) {
        context.keep<Leaver>(mutex, gone, 'a');
        auto& pipe = context.keep<Pipe>();
        auto& request = context.keep<Request>();
        auto& byte = context.keep<char>();
        context.keep<Leaver>(mutex, gone, 'b');
        context.loop().read(request, pipe.out.get(), &byte, 1, kCurrentPosition, {});
        context.port().send(Message("reading"));
      },
      {.on_message = [&](Message&) { worker.terminate(); }, .on_exit = events.handlers().on_exit});
  loop.run();
  CHECK(gone == "ba");
  CHECK(events.words == "exit(1)");
}

TEST_CASE("a worker may have a worker, which ends with it") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Events events;
  std::atomic<pid_t> grandchild{0};
  Worker worker(loop, {.loop = options},
                [&](WorkerContext& context) {
                  auto& inner = context.keep<Worker>(
                      context.loop(), WorkerOptions{.loop = options},
                      [&](WorkerContext& inner_context) {
                        grandchild = inner_context.thread_id();
                        echo(inner_context);
                      },
                      WorkerEvents{.on_message = [&](Message& message) {
                        context.port().send(std::move(message));
                      }});
                  context.port().bind(context.loop(),
                                      [&](Message& message) { inner.send(std::move(message)); });
                },
                {.on_message =
                     [&](Message& message) {
                       events.handlers().on_message(message);
                       worker.terminate();
                     },
                 .on_exit = events.handlers().on_exit});
  worker.send(Message("there and back"));
  loop.run();
  CHECK(events.words == "there and back exit(1)");
  CHECK(grandchild != 0);
  CHECK(goes(grandchild));
}

TEST_CASE("two workers talk directly, through ports that their parent sent them") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Events events;
  Worker echoing(loop, {.loop = options}, [](WorkerContext& context) {
    auto& peer = context.keep<Port>();
    context.port().bind(context.loop(), [&](Message& message) {
      peer = std::move(message.ports.at(0));
      peer.bind(context.loop(), [&](Message& m) { peer.send(std::move(m)); });
      context.port().close();
    });
  });
  Worker asking(
      loop, {.loop = options},
      [](WorkerContext& context) {
        auto& peer = context.keep<Port>();
        context.port().bind(context.loop(), [&](Message& message) {
          peer = std::move(message.ports.at(0));
          peer.bind(context.loop(), [&](Message& answer) {
            context.port().send(std::move(answer));
            peer.close();
            context.port().close();
          });
          peer.send(Message("direct"));
        });
      },
      events.handlers());
  auto [a, b] = make_channel();
  Message to_echoing, to_asking;
  to_echoing.ports.push_back(std::move(a));
  to_asking.ports.push_back(std::move(b));
  echoing.send(std::move(to_echoing));
  asking.send(std::move(to_asking));
  loop.run();
  CHECK(events.words == "direct exit(0)");
}

TEST_CASE("workers that die at startup, again and again, only cause errors") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  int errors = 0;
  int exits = 0;
  std::unique_ptr<Worker> worker;
  std::function<void()> start;
  const WorkerEvents events{.on_error = [&](const std::exception_ptr&) { ++errors; },
                            .on_exit =
                                [&](int code) {
                                  exits += code;
                                  if (exits < 50) start();
                                }};
  start = [&] {
    worker = std::make_unique<Worker>(
        loop, WorkerOptions{.loop = options},
        [](WorkerContext&) { throw std::runtime_error("at once"); }, events);
  };
  start();
  loop.run();
  CHECK(errors == 50);
  CHECK(exits == 50);
}

TEST_CASE("if no thread can be created, that is the worker's error") {
  check_start_without(__NR_clone, __NR_clone3, EAGAIN,
                      "cannot start the thread of worker unborn: ");
}

TEST_CASE("a worker whose loop can't be created reports that") {
  check_start_without(__NR_io_uring_setup, __NR_epoll_create1, EMFILE,
                      "cannot make an epoll set: ");
}

}  // namespace timeslice::loop::test
