// SPDX-License-Identifier: MIT
// How does a loop work without io_uring? As libuv's does: one epoll set for whatever can say that
// it is ready (sockets, pipes, terminals), and threads for files, which always claim to be ready
// and then block. epoll tells only *when* to call: the call itself is made here, on the loop's
// thread.
//
// Without threads it is the `blocking` backend: files and jobs are done synchronously on the loop's
// thread, and everything else waits meanwhile. This is deliberate: it demonstrates blocking.
#pragma once
#include <sys/epoll.h>

#include <memory>
#include <unordered_map>

#include "base/unique_fd.h"
#include "loop/backends/thread_pool.h"
#include "loop/core/backend.h"
#include "loop/core/fork_guard.h"
#include "loop/core/wake_fd.h"

namespace timeslice::loop {

class EpollBackend final : public Backend {
 public:
  // Without a pool for `pool_size` 0.
  explicit EpollBackend(unsigned pool_size);

  [[nodiscard]] const char* name() const override { return threads_ ? "pool" : "blocking"; }
  void submit(Request& request) override;
  void cancel(Request& request) override;
  void wait(Nanoseconds timeout) override;
  void wake() noexcept override { wake_.wake(); }
  void close_now(int fd) override;
  void end() override;
  void abandon() noexcept override;

 private:
  // What we know of one descriptor. Interest stays armed after a request has ended, because the
  // next one mostly asks for the same; it is taken back when an event comes that nobody waits for.
  struct Watch {
    List<Request> waiting;
    std::uint32_t armed = 0;
    std::uint32_t serial = 0;   // of its entry in the set; an event with another isn't its own
    bool never_blocks = false;  // a listener, by O_NONBLOCK
    bool once = false;          // each change is told once: something lasts that no try takes away
  };

  void block(Request& request);
  void watch(Request& request);
  int arm(int fd, Watch& watch, std::uint32_t events);
  int control(int how, int fd, Watch& watch, std::uint32_t events);
  bool renew();
  void quieten(int fd, Watch& watch, bool moved);
  void disarm(int fd, Watch& watch, std::uint32_t wanted);
  bool serve(const epoll_event& event);
  void serve(int fd, Watch& watch, std::uint32_t happened);
  bool attempt(Request& request, std::uint32_t happened);
  bool accept_some(Multishot& request);
  bool receive_some(Multishot& request);
  Nanoseconds rest(Nanoseconds timeout);
  int sleep(epoll_event* events, int size, Nanoseconds timeout);
  void forget(int fd);
  void watch_wakes();
  void take_wake();

  UniqueFd epoll_;
  const ClosedInChildren epoll_stays_here_;
  bool has_pwait2_ = true;
  bool left_unread_ = false;  // for lack of a buffer
  bool outdated_ = false;     // the set tells of what is nobody's, and couldn't be renewed
  WakeFd wake_;
  const ClosedInChildren wake_stays_here_;
  std::unique_ptr<ThreadPool> threads_;
  std::unordered_map<int, Watch> watches_;
  std::uint32_t last_serial_ = 0;
};

}  // namespace timeslice::loop
