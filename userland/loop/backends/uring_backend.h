// SPDX-License-Identifier: MIT
// How does a loop work on io_uring? Requests become submission entries, one io_uring_enter a turn
// both submits them and waits, and completion entries become finished requests before any callback
// runs, since callbacks submit in turn. Some operations go to our threads all the same; see
// uring_entry.h.
#pragma once
#include <liburing.h>

#include <optional>

#include "loop/backends/event_set.h"
#include "loop/backends/thread_pool.h"
#include "loop/core/backend.h"
#include "loop/core/fork_guard.h"
#include "loop/core/wake_fd.h"

namespace timeslice::loop {

// What set-up achieved. Where there is no usable ring, `note` says why.
struct Ring {
  io_uring ring{};
  bool usable = false;
  bool deferred = false;        // completions appear only when we ask: DEFER_TASKRUN
  bool no_iowait = false;       // a sleeping loop need not count as waiting for a disk
  bool silent_success = false;  // a request may ask to be told of only if it fails
  bool multishot = false;       // a receive may stay armed
  bool message_wake = false;    // another thread can put a completion here by one system call
  bool sqpoll = false;
  std::string note;
};

Ring set_up_ring(const Options& options);
// Puts a completion with user data `tag` into the ring `ring_fd`, from any thread; 0 or -errno.
int send_message(int ring_fd, std::uint64_t tag) noexcept;

class UringBackend final : public Backend {
 public:
  UringBackend(const Ring& ring, const Options& options);
  ~UringBackend() override;

  [[nodiscard]] const char* name() const override { return "uring"; }
  void submit(Request& request) override;
  void cancel(Request& request) override;
  void wait(Nanoseconds timeout) override;
  void wake() noexcept override;
  void close_now(int fd) override;
  void add(Buffers& buffers) override;
  void remove(Buffers& buffers) override;
  void give_back(Buffers& buffers, Buffers::Id id) override;
  void end() override;
  void abandon() noexcept override;

 private:
  io_uring_sqe& next_sqe();
  unsigned publish_sqes();
  int enter(unsigned count, unsigned wait_for, unsigned flags, const io_uring_getevents_arg* limit);
  void submit_only();
  void submit_and_wait(unsigned wait_for, Nanoseconds timeout);
  void reap(Route route);
  void take_cqes(Route route);
  void take(const io_uring_cqe& cqe, Route route);
  void take_own(const io_uring_cqe& cqe);
  void take_shot(Multishot& request, const io_uring_cqe& cqe);
  static void check(int result);
  void try_here(Request& request, Route route);
  void start(Request& request);
  void start_multishot(Multishot& request, io_uring_sqe& sqe);
  void tell_shot(Multishot& request, int result, Buffers::Id id, bool armed);
  void accept_some(Multishot& request);
  void receive(Multishot& request);
  int receive_into(Multishot& request, Buffers::Id id);
  void take_events(Request& request, int result);
  void wait_for_room(Request& request);
  void wait_beside(Request& request);
  void begin_again(Request& request);
  void restart_starved();
  void watch_beside();
  void take_beside();
  void ask_to_cancel(Request& request);
  Nanoseconds ask_again();
  void finish_lazy();
  [[nodiscard]] bool lazy_is_awaited();
  void listen_for_wakes();
  void take_wake();

  io_uring ring_;
  const Ring can_;
  const bool observe_routes_;
  std::optional<ClosedInChildren> ring_stays_here_;
  bool woken_ = false;
  bool wake_armed_ = false;
  bool ending_ = false;
  bool beside_armed_ = false;  // the ring watches the set
  bool beside_came_ = false;
  bool cancel_failed_ = false;
  Nanoseconds ask_pause_{0}, next_ask_{0};
  List<Request> in_flight_;
  List<Request> cancelling_;  // asked to end, until they do
  List<Request> lazy_;        // lazy sends, submitted or about to be, of which no failure is known
  List<Request> starved_;     // to be submitted again with the next wait
  std::uint16_t groups_ = 0;
  WakeFd wake_;
  const ClosedInChildren wake_stays_here_;
  std::uint64_t wake_count_ = 0;
  EventSet beside_;  // those for which the ring's own polls won't do
  ThreadPool threads_;
};

}  // namespace timeslice::loop
