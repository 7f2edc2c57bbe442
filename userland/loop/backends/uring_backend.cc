// SPDX-License-Identifier: MIT
#include "loop/backends/uring_backend.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <system_error>

#include "loop/backends/blocking.h"
#include "loop/backends/readiness.h"
#include "loop/backends/uring_entry.h"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace timeslice::loop {

namespace {

// liburing maps and unmaps rings by system calls of its own, which ThreadSanitizer doesn't see: a
// ring where another thread's was before would look shared. So we say what orders the two.
#ifdef __SANITIZE_THREAD__
char ring_memory;
void ring_mapped() { __tsan_acquire(&ring_memory); }
void ring_unmaps() { __tsan_release(&ring_memory); }
#else
void ring_mapped() {}
void ring_unmaps() {}
#endif

// Of io_uring_enter; liburing 2.3 doesn't have it yet. Without it a loop that sleeps for events is
// shown as a CPU that waits for a disk.
constexpr unsigned kEnterNoIowait = 1U << 7;
constexpr Nanoseconds kNoWait{0};

// What isn't a Request in a completion's user data. Requests have even addresses.
constexpr std::uint64_t kIgnored = 0;
constexpr std::uint64_t kWakeByEventfd = 1;
constexpr std::uint64_t kWakeByMessage = 3;
constexpr std::uint64_t kBeside = 5;
constexpr std::uint64_t kCancel = 7;

// Between two askings of what doesn't end; each pause is twice the last one.
constexpr Nanoseconds kShortestAskPause{1'000'000};
constexpr Nanoseconds kLongestAskPause{50'000'000};

bool is_registered(const io_uring& ring) { return ring.enter_ring_fd != ring.ring_fd; }

}  // namespace

UringBackend::UringBackend(const Ring& ring, const Options& options)
    : ring_(ring.ring),
      can_(ring),
      observe_routes_(options.observe_routes && ring.deferred),
      ring_stays_here_(ring_.ring_fd),
      wake_stays_here_(wake_.fd()),
      threads_(options.pool_size, *this) {
  ring_mapped();
  // Entry n of the queue is always the nth of the entries' array.
  for (unsigned i = 0; i < ring_.sq.ring_entries; ++i) ring_.sq.array[i] = i;
  listen_for_wakes();
}

// The ring's number may be somebody else's as soon as it's closed: no child may close it after
// that.
UringBackend::~UringBackend() {
  ring_stays_here_.reset();
  ring_unmaps();
  ::io_uring_queue_exit(&ring_);
}

// Flat, as are the others that every request goes through: the calls among them cost as much as
// what they do.
[[gnu::flatten]] void UringBackend::submit(Request& request) {
  if (belongs_on_thread(request.op)) return threads_.submit(request);
  if (belongs_here(request.op)) return try_here(request, Route::inline_);
  if (receives(request.op)) request.op.events = POLLIN;
  if (accepts(request.op)) {
    request.op.events = POLLIN;
    never_block(request.op.fd);
  }
  start(request);
}

void UringBackend::try_here(Request& request, Route route) {
  request.op.route = route;
  ++system_calls_;
  const int result = try_now(request.op, 0);
  if (result != -EAGAIN || knocks(request.op)) return finish(request, result);
  wait_beside(request);
}

void UringBackend::start(Request& request) {
  Operation& op = request.op;
  io_uring_sqe& sqe = next_sqe();
  if (Multishot* multishot = as_multishot(request))
    start_multishot(*multishot, sqe);
  else if (polls(op))
    ::io_uring_prep_poll_add(&sqe, op.fd, static_cast<unsigned short>(op.events));
  else
    prepare(sqe, op);
  ::io_uring_sqe_set_data(&sqe, &request);
  op.stage = Operation::Stage::running;
  const bool lazy = op.kind == Kind::send && op.flags == kLazy && can_.silent_success;
  if (!lazy) return in_flight_.push_back(request);
  // It is told of only if it isn't whole: so when the kernel has taken it and says nothing, it's
  // done.
  sqe.msg_flags |= MSG_WAITALL;
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  lazy_.push_back(request);
}

void UringBackend::finish_lazy() {
  if (lazy_.empty() || ::io_uring_sq_ready(&ring_) > 0) return;
  while (!lazy_.empty()) {
    Request& request = lazy_.front();
    request.op.route = Route::inline_;
    finish(request, static_cast<int>(std::min(request.op.size, kMaxTransfer)));
  }
}

// Somebody waits for one of them by now, or nothing else is there that would end a wait.
bool UringBackend::lazy_is_awaited() {
  std::size_t count = 0;
  bool awaited = false;
  lazy_.walk([&](const Request& request) {
    ++count;
    awaited = awaited || request.op.flags != kLazy;
  });
  return awaited || alive <= count;
}

// What the kernel doesn't keep armed is begun anew for each shot, and waits for readiness first, so
// that waiting takes no buffer.
void UringBackend::start_multishot(Multishot& request, io_uring_sqe& sqe) {
  const Operation& op = request.op;
  if (!received_by_kernel(request)) return ::io_uring_prep_poll_add(&sqe, op.fd, POLLIN);
  ::io_uring_prep_recv(&sqe, op.fd, nullptr, 0, 0);
  sqe.ioprio |= IORING_RECV_MULTISHOT;
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = request.buffers->group;
}

void UringBackend::cancel(Request& request) {
  if (request.op.route == Route::pool_thread) return threads_.cancel(request);
  if (request.op.stage == Operation::Stage::waiting) return finish(request, -ECANCELED);
  if (request.op.stage != Operation::Stage::running) return;
  request.op.stage = Operation::Stage::cancelling;
  request.hurry();
  // A send waits in a poll, or not at all.
  if (sends(request.op) && request.op.events == 0) return;
  request.unlink();
  if (cancelling_.empty()) ask_pause_ = kNoWait;
  cancelling_.push_back(request);
  ask_to_cancel(request);
}

// The slot may have made room by reaping, which may have ended just this request. Its address is
// still good (it's in ready()), and the kernel then finds nothing to cancel.
void UringBackend::ask_to_cancel(Request& request) {
  io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_cancel(&sqe, &request, 0);
  sqe.user_data = kCancel;
}

// The kernel doesn't find what is just between two tries, and a worker that it wakes may go to
// sleep again. Nobody else asks, so we do, until all have ended. Returns when the next time is, or
// -1.
Nanoseconds UringBackend::ask_again() {
  constexpr Nanoseconds kNever{-1};
  if (!cancel_failed_ || cancelling_.empty()) return kNever;
  const Nanoseconds now = Backend::now();
  if (now < next_ask_) return next_ask_ - now;
  cancel_failed_ = false;
  ask_pause_ = std::clamp(ask_pause_ * 2, kShortestAskPause, kLongestAskPause);
  next_ask_ = now + ask_pause_;
  cancelling_.walk([&](Request& request) { ask_to_cancel(request); });
  return kNever;
}

void UringBackend::wait(Nanoseconds timeout) {
  restart_starved();
  watch_beside();
  if (const Nanoseconds next = ask_again(); next >= kNoWait)
    timeout = timeout < kNoWait ? next : std::min(timeout, next);
  if (observe_routes_) {
    submit_only();  // what is complete after this has met no wait and no task work
    reap(Route::inline_);
  }
  // Making room in the queue may have reaped.
  if (!ready_.empty() || !deliveries_.empty() || woken_ || beside_came_) timeout = kNoWait;
  if (!lazy_.empty() && lazy_is_awaited()) timeout = kNoWait;
  submit_and_wait(timeout == kNoWait ? 0 : 1, timeout);
  reap(Route::unknown);
  finish_lazy();
  if (beside_came_) take_beside();
  if (woken_) take_wake();
}

// A full queue is not an error: submit what it contains, and continue.
io_uring_sqe& UringBackend::next_sqe() {
  for (;;) {
    if (io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_)) return *sqe;
    submit_only();
    reap(Route::unknown);  // where completions ran over, the kernel takes nothing before they're
                           // read
  }
}

// Makes prepared entries visible to the kernel. liburing has this, but doesn't export it, and its
// calls that do it can't pass NO_IOWAIT. Returns how many the kernel hasn't taken yet.
unsigned UringBackend::publish_sqes() {
  io_uring_sq& sq = ring_.sq;
  sq.sqe_head = sq.sqe_tail;
  __atomic_store_n(sq.ktail, sq.sqe_tail, __ATOMIC_RELEASE);
  return sq.sqe_tail - __atomic_load_n(sq.khead, __ATOMIC_ACQUIRE);
}

int UringBackend::enter(unsigned count, unsigned wait_for, unsigned flags,
                        const io_uring_getevents_arg* limit) {
  if (can_.sqpoll) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);  // the poller looks at the tail before it sleeps
    if (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP)
      flags |= IORING_ENTER_SQ_WAKEUP;
    if (flags == 0) return static_cast<int>(count);
  }
  if (is_registered(ring_)) flags |= IORING_ENTER_REGISTERED_RING;
  ++system_calls_;
  return ::io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), count, wait_for, flags,
                           reinterpret_cast<sigset_t*>(const_cast<io_uring_getevents_arg*>(limit)),
                           limit ? sizeof *limit : 0);
}

void UringBackend::submit_only() {
  const unsigned count = publish_sqes();
  if (count == 0) return;
  const int taken = enter(count, 0, can_.sqpoll ? IORING_ENTER_SQ_WAIT : 0, nullptr);
  // Completions ran over: a look at them (GETEVENTS) lets the kernel move them on.
  if (taken == -EBUSY || taken == -EAGAIN) return submit_and_wait(0, kNoWait);
  check(taken);
}

// Time over, a signal, or a moment without memory: the next turn goes on. Anything else means that
// requests are lost.
void UringBackend::check(int result) {
  if (result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY)
    return;
  throw std::system_error(-result, std::generic_category(), "io_uring_enter");
}

void UringBackend::submit_and_wait(unsigned wait_for, Nanoseconds timeout) {
  __kernel_timespec limit{.tv_sec = timeout.count() / 1'000'000'000,
                          .tv_nsec = timeout.count() % 1'000'000'000};
  io_uring_getevents_arg argument{};
  argument.sigmask_sz = _NSIG / 8;
  argument.ts = reinterpret_cast<std::uint64_t>(&limit);
  const bool limited = wait_for > 0 && timeout >= kNoWait;
  const unsigned flags = IORING_ENTER_GETEVENTS | (limited ? IORING_ENTER_EXT_ARG : 0) |
                         (can_.no_iowait ? kEnterNoIowait : 0);
  check(enter(publish_sqes(), wait_for, flags, limited ? &argument : nullptr));
}

void UringBackend::reap(Route route) {
  take_cqes(route);
  // Completions that found no room wait in the kernel until it's asked again.
  while (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) {
    submit_and_wait(0, kNoWait);
    take_cqes(Route::unknown);
  }
}

[[gnu::flatten]] void UringBackend::take_cqes(Route route) {
  unsigned head;
  unsigned count = 0;
  io_uring_cqe* cqe;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    ++count;
    take(*cqe, route);
  }
  if (count > 0) ::io_uring_cq_advance(&ring_, count);
}

void UringBackend::take(const io_uring_cqe& cqe, Route route) {
  if (cqe.user_data == kIgnored) return;
  if ((cqe.user_data & 1) != 0) return take_own(cqe);
  Request& request = *reinterpret_cast<Request*>(cqe.user_data);
  request.op.route = route;
  if (Multishot* multishot = as_multishot(request)) return take_shot(*multishot, cqe);
  if (polls(request.op)) return take_events(request, cqe.res);
  if (cqe.res == -EAGAIN && sends(request.op) && !knocks(request.op)) return wait_for_room(request);
  finish(request, cqe.res);
}

// Of what is not a request.
void UringBackend::take_own(const io_uring_cqe& cqe) {
  switch (cqe.user_data) {
    case kCancel:
      cancel_failed_ = cancel_failed_ || cqe.res < 0;
      return;
    case kBeside:
      beside_armed_ = false;
      beside_came_ = true;
      return;
    case kWakeByEventfd:
      wake_armed_ = false;
      [[fallthrough]];
    default:
      woken_ = true;
  }
}

// Of a poll, or of one for a receive, or for a send that found no room. The ring tells POLLRDHUP
// whether asked for or not, and would tell it again. And its poll on a terminal that is woken
// without an event, as by each change of its mode, fails: the kernel arms it once more, finds the
// two queues of the first time still noted, and knows of no third (io_poll_add of Linux 6.18:
// -EINVAL).
void UringBackend::take_events(Request& request, int result) {
  Operation& op = request.op;
  const bool is_poll = op.kind == Kind::poll;
  const int wanted = static_cast<unsigned short>(op.events) | (is_poll ? POLLERR | POLLHUP : 0);
  if (!is_poll) op.events = 0;
  if (result == -EINVAL) return wait_beside(request);
  if (result < 0) return finish(request, result);
  if (!is_poll && !sends(op)) return try_here(request, Route::poll);
  if ((result & wanted) == 0) return wait_beside(request);
  if (is_poll) return finish(request, result & wanted);
  begin_again(request);
}

// A send never waits in the kernel: where the peer has half closed, io_uring takes that for room,
// tries 128 times, and then blocks one of its few workers. A lazy one is an ordinary one from now
// on.
void UringBackend::wait_for_room(Request& request) {
  request.op.flags = 0;
  request.op.events = POLLOUT;
  begin_again(request);
}

void UringBackend::begin_again(Request& request) {
  if (request.op.stage == Operation::Stage::cancelling) return finish(request, -ECANCELED);
  request.unlink();
  request.op.stage = Operation::Stage::waiting;
  starved_.push_back(request);
}

void UringBackend::wait_beside(Request& request) {
  if (request.op.stage == Operation::Stage::cancelling) return finish(request, -ECANCELED);
  ++system_calls_;
  if (const int error = beside_.add(request); error != 0) finish(request, error);
}

void UringBackend::watch_beside() {
  if (beside_armed_ || beside_.empty()) return;
  io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_poll_add(&sqe, beside_.fd(), POLLIN);
  sqe.user_data = kBeside;
  beside_armed_ = true;
}

void UringBackend::take_beside() {
  beside_came_ = false;
  ++system_calls_;
  beside_.take([&](Request& request, std::uint32_t happened) {
    if (Multishot* multishot = as_multishot(request)) return receive(*multishot);
    const int result = try_now(request.op, happened);
    if (result == -EAGAIN) return;
    request.op.route = Route::poll;
    finish(request, result);
  });
}

void UringBackend::take_shot(Multishot& request, const io_uring_cqe& cqe) {
  const bool is_ready = cqe.res > 0 && !received_by_kernel(request);
  if (is_ready) return request.buffers ? receive(request) : accept_some(request);
  Buffers::Id id = Buffers::kNone;
  if (cqe.flags & IORING_CQE_F_BUFFER)
    id = static_cast<Buffers::Id>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
  tell_shot(request, cqe.res, id, (cqe.flags & IORING_CQE_F_MORE) != 0);
}

void UringBackend::tell_shot(Multishot& request, int result, Buffers::Id id, bool armed) {
  const bool good = result > 0 || (result == 0 && is_datagram(request.op.fd));
  if (good)
    deliver(request, result, id);
  else if (id != Buffers::kNone)
    request.buffers->give_back(id);
  if (armed) return;
  const bool goes_on = good || result == -ENOBUFS || result == -EAGAIN;
  if (!goes_on) return finish(request, result);
  begin_again(request);
}

void UringBackend::accept_some(Multishot& request) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    ++system_calls_;
    const int result = try_now(request.op, POLLIN);
    if (result == -EAGAIN) break;
    if (result < 0) return finish(request, result);
    deliver(request, result);
  }
  begin_again(request);
}

// Where the kernel doesn't do it by itself. What it calls ready may be an error only, for good.
void UringBackend::receive(Multishot& request) {
  const Buffers::Id id = request.buffers->take();
  const int result = id == Buffers::kNone ? -ENOBUFS : receive_into(request, id);
  if (result != -EAGAIN) return tell_shot(request, result, id, false);
  request.buffers->give_back(id);
  const bool is_beside = request.op.stage == Operation::Stage::waiting;
  if (!is_beside) wait_beside(request);
}

int UringBackend::receive_into(Multishot& request, Buffers::Id id) {
  request.op.data = request.buffers->at(id).data();
  request.op.size = request.buffers->size();
  ++system_calls_;
  return try_now(request.op, POLLIN);
}

// What came has been told by now, and its buffers are free again.
void UringBackend::restart_starved() {
  List<Request> again;
  again.append(starved_);
  while (!again.empty()) start(again.pop_front());
}

void UringBackend::add(Buffers& buffers) {
  if (!can_.multishot) return;
  const std::size_t size = buffers.count() * sizeof(io_uring_buf);
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = buffers.count();
  registration.bgid = groups_;
  if (::io_uring_register_buf_ring(&ring_, &registration, 0) != 0) {
    ::munmap(memory, size);
    return;
  }
  buffers.kernel_ring = memory;
  buffers.group = groups_++;
  ::io_uring_buf_ring_init(static_cast<io_uring_buf_ring*>(memory));
  for (Buffers::Id id; (id = buffers.take()) != Buffers::kNone;) give_back(buffers, id);
}

void UringBackend::remove(Buffers& buffers) {
  if (!buffers.kernel_ring) return;
  ::io_uring_unregister_buf_ring(&ring_, buffers.group);
  ::munmap(buffers.kernel_ring, buffers.count() * sizeof(io_uring_buf));
  buffers.kernel_ring = nullptr;
}

void UringBackend::give_back(Buffers& buffers, Buffers::Id id) {
  auto* const ring = static_cast<io_uring_buf_ring*>(buffers.kernel_ring);
  const std::span<std::byte> memory = buffers.at(id);
  ::io_uring_buf_ring_add(ring, memory.data(), static_cast<unsigned>(memory.size()), id,
                          ::io_uring_buf_ring_mask(buffers.count()), 0);
  ::io_uring_buf_ring_advance(ring, 1);
}

// A message is one system call, and the completion of the loop's next wait is the whole event. An
// eventfd needs a write here, a read there, and a new submission: it is for kernels without.
void UringBackend::wake() noexcept {
  if (!wake_.ask()) return;
  if (can_.message_wake && send_message(ring_.ring_fd, kWakeByMessage) == 0) return;
  wake_.write();
}

void UringBackend::listen_for_wakes() {
  io_uring_sqe& sqe = next_sqe();
  ::io_uring_prep_read(&sqe, wake_.fd(), &wake_count_, sizeof wake_count_, 0);
  sqe.user_data = kWakeByEventfd;
  wake_armed_ = true;
}

void UringBackend::take_wake() {
  woken_ = false;
  wake_.acknowledge();
  threads_.take_done(ready_);
  if (!ending_ && !wake_armed_) listen_for_wakes();
}

void UringBackend::close_now(int fd) {
  ++system_calls_;
  close_at_once(fd);
}

void UringBackend::end() {
  ending_ = true;
  threads_.end();
  threads_.take_done(ready_);
  while (!starved_.empty()) finish(starved_.front(), -ECANCELED);
  while (!lazy_.empty()) {
    submit_only();
    reap(Route::unknown);
    finish_lazy();
  }
  while (!starved_.empty()) finish(starved_.front(), -ECANCELED);
  beside_.walk([&](Request& request) { finish(request, -ECANCELED); });
  in_flight_.walk([&](Request& request) { cancel(request); });
  if (wake_armed_) wake_.write();  // what reads it ends
  while (!in_flight_.empty() || !cancelling_.empty() || wake_armed_) {
    submit_and_wait(1, ask_again());
    reap(Route::unknown);
    while (!starved_.empty()) finish(starved_.front(), -ECANCELED);
  }
}

// The fork has closed the descriptors; the mappings go with ours.
void UringBackend::abandon() noexcept {
  wake_.abandon();
  threads_.abandon();
  beside_.abandon();
  ring_.ring_fd = ring_.enter_ring_fd = -1;
}

}  // namespace timeslice::loop
