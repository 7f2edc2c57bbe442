// SPDX-License-Identifier: MIT
// Where does work go that is long, and wants timers, sockets and messages of its own? To a Worker:
// a thread with its own loop, and a channel to the loop that made it. The two share no variable;
// they talk by messages and through shared buffers.
//
//   Worker sorter(
//       loop, {.name = "sorter"},
//       [](WorkerContext& context) {
//         context.port().bind(context.loop(), [&context](Message& message) {
//           context.port().send(sorted(message));
//         });
//       },
//       {.on_message = [&](Message& message) { answer(message); }});
//   sorter.send(Message(text));
//
// Its thread is called loop-worker-N, so that any tool that lists threads tells it, and takes no
// signals.
#pragma once
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "loop/core/guest.h"
#include "loop/core/loop.h"
#include "loop/threads/port.h"

namespace timeslice::loop {

// What a worker's main() is given; it lives as long as the worker's loop. For its thread only.
class WorkerContext {
 public:
  [[nodiscard]] Loop& loop() const { return loop_; }
  // To the parent. Bound, it holds the worker's loop until one of them closes it.
  [[nodiscard]] Port& port() const { return port_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  // The kernel's, as ps and /proc show it.
  [[nodiscard]] pid_t thread_id() const { return thread_id_; }

  // Ends the worker when this callback, or main(), returns: of what else is queued, only the ticks
  // that a callback had queued before still run. The first call's code counts.
  void exit(int code);

  // Makes a thing that stays when main() has returned, until after the loop has gone (so it may be
  // a Request, and must not use the loop when it's destroyed). The last one made goes first.
  template <typename T, typename... Arguments>
  T& keep(Arguments&&... arguments) {
    auto thing = std::make_shared<T>(std::forward<Arguments>(arguments)...);
    kept_.push_back(thing);
    return *thing;
  }

 private:
  friend class Worker;
  using Kept = std::vector<std::shared_ptr<void>>;
  WorkerContext(Loop& loop, Port& port, const std::string& name, Kept& kept);

  Loop& loop_;
  Port& port_;
  const std::string& name_;
  Kept& kept_;
  const pid_t thread_id_;
  std::optional<int> exit_code_;
};

struct WorkerOptions {
  std::string name;  // for people; loop-worker-N if empty
  Options loop;      // what the worker's own loop is made of
};

// Called on the parent's loop, in its thread, each as a callback of its own.
struct WorkerEvents {
  OnMessage on_message = {};
  // The exception that ended the worker: of main(), of a callback, or of a start that failed
  // (std::system_error). Without this handler it is thrown out of the parent's run().
  std::function<void(std::exception_ptr)> on_error = {};
  // Once and last, when the thread is gone: 0 if nothing was alive any more, the code of exit(), 1
  // after an error or terminate(). It may destroy the Worker.
  std::function<void(int code)> on_exit = {};
};

class Worker final : private Guest {
 public:
  using Main = std::function<void(WorkerContext&)>;

  // `main` sets things up on the worker's thread; when it returns, the worker's loop runs. (It may
  // also run the loop itself, with its things as local variables.) A worker holds the parent's loop
  // until its on_exit. A thread or loop that can't be had becomes on_error and on_exit.
  Worker(Loop& parent, WorkerOptions options, Main main, WorkerEvents events = {});
  // Terminates, and waits for the callback that is running there to end; no event comes any more. A
  // parent's loop that goes does the same first.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // To the worker's port; false if that is closed, or the worker has ended.
  bool send(Message message) { return port_.send(std::move(message)); }
  // Stops the worker's loop at its next turn. What is running there, a callback, main() or a
  // SharedBuffer::wait(), can't be cut short. Then on_exit comes.
  void terminate();

  [[nodiscard]] const std::string& name() const { return options_.name; }
  // Until on_exit.
  [[nodiscard]] bool running() const { return exit_.has_value(); }
  void ref();
  void unref();

 private:
  class Reachable;

  void start(Port port, Main main, unsigned number);
  void run(Port port, const Main& main) noexcept;
  int run_loop(Port& port, const Main& main);
  void on_thread_end();
  void end();
  void loop_ends() noexcept override { end(); }

  WorkerOptions options_;
  std::shared_ptr<const WorkerEvents> events_;  // an event may destroy us while it runs
  Port port_;                                   // what the worker sends comes here
  std::optional<Waker> exit_;                   // mode by the thread's end

  std::mutex mutex_;  // for the next two
  bool terminating_ = false;
  Waker* stop_ = nullptr;  // of the worker's loop, while that can be stopped

  // Of the thread, until it has ended.
  std::exception_ptr error_;
  int code_ = 0;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace timeslice::loop
