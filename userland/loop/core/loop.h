// SPDX-License-Identifier: MIT
// What does a thread do that serves many things at once? It runs this loop: Node's phases in the
// order of libuv 1.45 and later, over a back end that does the waiting. All callbacks run on the
// thread that made the loop, one at a time, and after each one the next ticks and then the
// microtasks.
//
//   Request keys;  // before the loop: it must outlive its flight
//   Loop loop;     // io_uring, or the thread pool where that is refused
//
//   Timer tick(loop, [] { redraw(); });
//   tick.start(1s, 1s);
//   Signal interrupt(loop, SIGINT, [&] { loop.stop(); });
//   loop.poll(keys, STDIN_FILENO, POLLIN, [&](Request& request) { read_keys(); });
//
//   loop.run();  // until stop(), or until nothing is alive
//
// Errors of operations are results (-errno). Set-up errors fall back to the pool, which
// backend_note() explains; only a machine that gives not even an epoll set makes the constructor
// throw. Writing to a pipe or socket whose reader has gone is -EPIPE, to a file at the process's
// size limit -EFBIG (signals_of_writes.h). A callback that throws ends run() with its exception.
// The loop stays whole: what had not been called yet is called by the next run().
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "loop/core/backend.h"
#include "loop/core/fork_guard.h"
#include "loop/core/guest.h"
#include "loop/core/hook.h"
#include "loop/core/net.h"
#include "loop/core/options.h"
#include "loop/core/publication.h"
#include "loop/core/request.h"
#include "loop/core/signal.h"
#include "loop/core/timer.h"
#include "loop/core/waker.h"

namespace timeslice::loop {

class Knocks;

struct Counters {
  std::uint64_t turns = 0;         // of the loop
  std::uint64_t events = 0;        // requests and wakers called back
  std::uint64_t idle_ns = 0;       // spent in waits that were allowed to sleep
  std::uint64_t system_calls = 0;  // made on the loop's thread for waiting, submitting and trying
};

class Loop {
 public:
  explicit Loop(const Options& options = {});
  // Cancels requests in flight and waits for their end; no callback runs any more. A request's
  // result() tells what became of it, an accepted socket too; those of accept_many are closed.
  // Timers, hooks and wakers that are still there become inactive.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();
  // Makes run() return at the end of this turn. From the loop's thread; others go through a Waker.
  void stop() { stopping_ = true; }
  [[nodiscard]] bool alive() const;

  // CLOCK_MONOTONIC as of the last look at the clock: once before the turn's callbacks, not in
  // each. Timers and deadlines count from a look of their own.
  [[nodiscard]] Nanoseconds now() const { return now_; }
  void update_time();
  [[nodiscard]] Counters counters() const;

  // "uring", "pool", "blocking" or "sim": what serves, which may not be what was asked for.
  [[nodiscard]] const char* backend_name() const { return backend_->name(); }
  // Why something less than asked for serves, as a sentence; empty if nothing less does.
  [[nodiscard]] const std::string& backend_note() const { return backend_note_; }
  [[nodiscard]] unsigned pool_size() const { return pool_size_; }

  void next_tick(Task task) { ticks_.push_back(std::move(task)); }
  void queue_microtask(Task task) { microtasks_.push_back(std::move(task)); }
  void set_immediate(Task task) { immediates_.push_back(std::move(task)); }
  // Runs in this turn's close phase: the place to free what the turn's other callbacks may still
  // see.
  void at_close(Task task) { closing_.push_back(std::move(task)); }

  // Runs `task` as the loop runs a callback: then the next ticks, then the microtasks.
  void run_callback(const Task& task) { call(task); }

  // The verbs. Each starts `request`, which calls `done` with its result; arguments are those of
  // the system call of that name (see operation.h). For co_await see
  // coroutines/verbs.h.
  void start(Request& request, const Operation& operation, Done done) {
    assert(!request.in_flight());
    request.op = operation;
    request.done_ = std::move(done);
    begin(request);
  }

  // Ends in the next poll phase: what a request costs by itself.
  void nop(Request& request, Done done) { start(request, operations::nop(), std::move(done)); }

  // Reads and writes are for files (offset >= 0) and for streams (kCurrentPosition).
  void read(Request& request, int fd, void* data, std::size_t size, std::int64_t offset,
            Done done) {
    start(request, operations::read(fd, data, size, offset), std::move(done));
  }
  void write(Request& request, int fd, const void* data, std::size_t size, std::int64_t offset,
             Done done) {
    start(request, operations::write(fd, data, size, offset), std::move(done));
  }
  void readv(Request& request, int fd, const iovec* parts, std::size_t count, std::int64_t offset,
             Done done) {
    start(request, operations::readv(fd, parts, count, offset), std::move(done));
  }
  void writev(Request& request, int fd, const iovec* parts, std::size_t count, std::int64_t offset,
              Done done) {
    start(request, operations::writev(fd, parts, count, offset), std::move(done));
  }
  void fsync(Request& request, int fd, bool data_only, Done done) {
    start(request, operations::fsync(fd, data_only), std::move(done));
  }
  void open(Request& request, const char* path, int flags, mode_t mode, Done done) {
    start(request, operations::open(path, flags, mode), std::move(done));
  }
  void close(Request& request, int fd, Done done) {
    start(request, operations::close(fd), std::move(done));
  }
  // A request in flight keeps its file open, and closing an fd does not end its requests: cancel
  // first, close when they have come back. Sockets are closed by this, which doesn't block, or by
  // close(). A close past the loop is noticed, but costs it more.
  void close_now(int fd) { backend_->close_now(fd); }
  void stat(Request& request, const char* path, int flags, struct statx* out, Done done) {
    start(request, operations::stat(AT_FDCWD, path, flags, out), std::move(done));
  }
  void rename(Request& request, const char* from, const char* to, Done done) {
    start(request, operations::rename(from, to), std::move(done));
  }
  void unlink(Request& request, const char* path, int flags, Done done) {
    start(request, operations::unlink(path, flags), std::move(done));
  }
  void mkdir(Request& request, const char* path, mode_t mode, Done done) {
    start(request, operations::mkdir(path, mode), std::move(done));
  }

  // Of several requests of a kind on one descriptor, which is served first is not promised.
  void accept(Request& request, int listener, Done done) {
    start(request, operations::accept(listener), std::move(done));
  }
  void connect(Request& request, int fd, const sockaddr* address, socklen_t size, Done done) {
    start(request, operations::connect(fd, address, size), std::move(done));
  }
  void recv(Request& request, int fd, void* data, std::size_t size, Done done) {
    start(request, operations::recv(fd, data, size), std::move(done));
  }
  // `flags`: 0 or kLazy.
  void send(Request& request, int fd, const void* data, std::size_t size, Done done,
            int flags = 0) {
    start(request, operations::send(fd, data, size, flags), std::move(done));
  }
  void recvmsg(Request& request, int fd, msghdr* message, Done done) {
    start(request, operations::recvmsg(fd, message), std::move(done));
  }
  void sendmsg(Request& request, int fd, const msghdr* message, Done done) {
    start(request, operations::sendmsg(fd, message), std::move(done));
  }
  void shutdown(Request& request, int fd, int how, Done done) {
    start(request, operations::shutdown(fd, how), std::move(done));
  }
  // One shot: result is the ready events among `events`, POLLERR and POLLHUP.
  void poll(Request& request, int fd, short events, Done done) {
    start(request, operations::poll(fd, events), std::move(done));
  }
  // Calls back for each connection: its result is the socket.
  void accept_many(Multishot& request, int listener, Done done);
  // Calls back for each piece of data, in one of `buffers`, until the stream ends.
  void recv_many(Multishot& request, int fd, Buffers& buffers, Done done);

  // `job` runs on a pool thread and must not throw, but for std::bad_alloc, which is -ENOMEM. Slow
  // ones, which wait for others (name look-ups), take at most half of the pool.
  void work(Request& request, Task job, Done done);
  void slow_work(Request& request, Task job, Done done);

  // What someone keeps with the loop, to go with it when no request is in flight any more.
  class Kept {
   public:
    Kept() = default;
    virtual ~Kept() = default;
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
  };

 private:
  friend class Request;
  friend class Timer;
  friend class Hook;
  friend class Waker;
  friend class Buffers;
  friend class Guest;
  friend class Roots;

  List<Hook>& hooks(Phase phase) { return hooks_[static_cast<std::size_t>(phase)]; }

  // The phases.
  void enter(const char* phase);
  void run_timers();
  void run_pending();
  void run_hooks(Phase phase);
  void poll_for_events();
  void run_check();
  void run_closing();

  [[nodiscard]] Nanoseconds poll_timeout() const;
  void fire(Timer& timer);
  void expire(Request& request);
  void complete(Request& request);
  static int as_asked(const Request& request);
  void settle(Request& request);
  void end(Request& request);
  void end_next_delivery();
  void knock_later(Request& request);
  void deliver_next();
  void call_wakers();
  void run_all_of(std::deque<Task>& queue);
  template <typename Callback, typename... Arguments>
  void call(const Callback& callback, Arguments&... arguments) {
    if (callback) callback(arguments...);
    drain_ticks();
  }
  void drain_ticks() {
    if (!ticks_.empty() || !microtasks_.empty()) run_ticks();
  }
  void run_ticks();
  void begin(Request& request);
  [[nodiscard]] bool at_home() const { return generation_ == fork_generation; }
  // Cheaper than std::this_thread::get_id(), which is a call.
  static const void* current_thread() { return __builtin_thread_pointer(); }
  void be_at_home() const {
    assert(thread_ == current_thread() && "a loop is used from its own thread only");
    if (!at_home()) say_not_at_home();
  }
  [[noreturn]] static void say_not_at_home();
  void abandon();
  void let_go();

  Nanoseconds now_{0};
  Counters counters_;
  bool stopping_ = false;
  bool running_ = false;
  bool cut_short_ = false;  // by an exception
  const void* const thread_ = current_thread();
  const std::uint64_t generation_;

  std::deque<Task> ticks_, microtasks_, immediates_, closing_;
  TimerHeap timers_;
  List<Timer> due_;
  Timer* fired_ = nullptr;  // its callback runs
  List<Hook> hooks_[3];
  List<Waker> wakers_;
  List<Buffers> buffers_;
  List<Guest> guests_;

  unsigned pool_size_;
  std::string backend_note_;
  Publication publication_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Kept> kept_;  // the coroutines' roots
  std::unique_ptr<Knocks> knocks_;
};

}  // namespace timeslice::loop
