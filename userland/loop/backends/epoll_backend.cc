// SPDX-License-Identifier: MIT
#include "loop/backends/epoll_backend.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "loop/backends/blocking.h"
#include "loop/backends/readiness.h"

namespace timeslice::loop {

namespace {

constexpr std::uint32_t kAlways = EPOLLERR | EPOLLHUP;
constexpr Nanoseconds kRest{10'000'000};  // until a set can be created

// In an event's data: whose it is.
std::uint64_t pack(int fd, std::uint32_t serial) {
  return std::uint64_t{serial} << 32 | static_cast<std::uint32_t>(fd);
}
int fd_of(const epoll_event& event) { return static_cast<int>(event.data.u64 & 0xffffffffU); }
std::uint32_t serial_of(const epoll_event& event) {
  return static_cast<std::uint32_t>(event.data.u64 >> 32);
}

UniqueFd make_epoll() {
  UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd) throw std::system_error(errno, std::generic_category(), "cannot make an epoll set");
  return fd;
}

}  // namespace

std::unique_ptr<Backend> make_epoll_backend(const Options& options) {
  return std::make_unique<EpollBackend>(
      options.backend == BackendKind::blocking ? 0 : options.pool_size);
}

EpollBackend::EpollBackend(unsigned pool_size)
    : epoll_(make_epoll()), epoll_stays_here_(epoll_.get()), wake_stays_here_(wake_.fd()) {
  if (pool_size > 0) threads_ = std::make_unique<ThreadPool>(pool_size, *this);
  watch_wakes();
}

void EpollBackend::watch_wakes() {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = pack(wake_.fd(), 0)}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.fd(), &event) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot watch an eventfd");
}

void EpollBackend::submit(Request& request) {
  Operation& op = request.op;
  if (op.kind == Kind::close) forget(op.fd);
  if (op.kind == Kind::nop || op.kind == Kind::shutdown) {
    op.route = Route::inline_;
    ++system_calls_;
    return finish(request, run_blocking(request));
  }
  if (knocks(op)) {
    op.route = Route::inline_;
    ++system_calls_;
    return finish(request, try_now(op, 0));
  }
  if (!waits_for_readiness(op)) return block(request);
  const bool mostly_ready =
      op.kind == Kind::send || op.kind == Kind::sendmsg || op.kind == Kind::connect;
  if (mostly_ready) {  // no need to ask first
    ++system_calls_;
    const int result = try_now(op, 0);
    if (result != -EAGAIN) {
      op.route = Route::inline_;
      return finish(request, result);
    }
  }
  watch(request);
}

void EpollBackend::block(Request& request) {
  if (threads_) return threads_->submit(request);
  request.op.route = Route::inline_;
  ++system_calls_;
  finish(request, run_blocking(request));
}

void EpollBackend::watch(Request& request) {
  Operation& op = request.op;
  Watch& watch = watches_[op.fd];
  const std::uint32_t events = events_needed(op);
  const int error = arm(op.fd, watch, watch.armed | events);
  if (error == 0) {
    const bool accepts = op.kind == Kind::accept || op.kind == Kind::accept_many;
    if (accepts && !std::exchange(watch.never_blocks, true)) never_block(op.fd);
    op.route = Route::poll;
    op.stage = Operation::Stage::waiting;
    return watch.waiting.push_back(request);
  }
  if (watch.waiting.empty()) watches_.erase(op.fd);
  // EPERM: a regular file, which has no readiness. poll(2) calls it always ready; reads may block.
  const bool file = error == -EPERM && (op.kind == Kind::read || op.kind == Kind::readv ||
                                        op.kind == Kind::write || op.kind == Kind::writev);
  if (file) return block(request);
  op.route = Route::inline_;
  if (error == -EPERM && op.kind == Kind::poll)
    return finish(request, op.events & (POLLIN | POLLOUT));
  finish(request, error == -EPERM ? -ENOTSOCK : error);
}

// Tells the kernel what to watch. Its view wins over ours, so it's asked each time: a descriptor
// that was closed and made anew behind our back is no longer in the set (ENOENT), one that we
// forgot may still be (EEXIST).
int EpollBackend::arm(int fd, Watch& watch, std::uint32_t events) {
  const bool as_before = !watch.once && events == watch.armed;
  const bool known = watch.armed != 0 && !as_before;
  int error = known ? control(EPOLL_CTL_MOD, fd, watch, events) : -ENOENT;
  if (error == -ENOENT) {
    watch.once = false;
    error = control(EPOLL_CTL_ADD, fd, watch, events);
    if (error == 0) watch.never_blocks = false;
  }
  if (error != -EEXIST) return error;
  return as_before ? 0 : control(EPOLL_CTL_MOD, fd, watch, events);
}

int EpollBackend::control(int how, int fd, Watch& watch, std::uint32_t events) {
  const std::uint32_t serial = last_serial_ + 1;
  epoll_event event{.events = events | (watch.once ? EPOLLET : 0U),
                    .data = {.u64 = pack(fd, serial)}};
  ++system_calls_;
  if (::epoll_ctl(epoll_.get(), how, fd, &event) != 0) return -errno;
  watch.serial = last_serial_ = serial;
  watch.armed = events;
  return 0;
}

// The set tells of a file whose number was closed behind our back while the file is open elsewhere:
// nothing takes that out again, and it would be told for ever. So a new set takes the place of the
// old one. False if there is no descriptor for it.
bool EpollBackend::renew() {
  const UniqueFd fresh(::epoll_create1(EPOLL_CLOEXEC));
  ++system_calls_;
  if (!fresh || ::dup3(fresh.get(), epoll_.get(), O_CLOEXEC) < 0) return false;
  watch_wakes();
  for (auto it = watches_.begin(); it != watches_.end();) {
    auto& [fd, watch] = *it;
    if (!watch.waiting.empty()) control(EPOLL_CTL_ADD, fd, watch, watch.armed);
    it = watch.waiting.empty() ? watches_.erase(it) : std::next(it);
  }
  return true;
}

void EpollBackend::cancel(Request& request) {
  if (request.op.route == Route::pool_thread) return threads_->cancel(request);
  if (request.op.stage == Operation::Stage::waiting) finish(request, -ECANCELED);
}

void EpollBackend::wait(Nanoseconds timeout) {
  epoll_event events[128];
  if (!ready_.empty() || !deliveries_.empty()) timeout = Nanoseconds{0};
  if (outdated_) timeout = rest(timeout);
  ++system_calls_;
  const int count = sleep(events, std::size(events), timeout);
  bool all_known = true;
  for (int i = 0; i < count; ++i) {
    if (fd_of(events[i]) == wake_.fd())
      take_wake();
    else
      all_known = serve(events[i]) && all_known;
  }
  outdated_ = !all_known && !renew();
}

// A set that tells of what is nobody's would end each wait at once. Until there is another, only
// wakes do, and sockets are looked at now and then. Returns how long the set may be waited for.
Nanoseconds EpollBackend::rest(Nanoseconds timeout) {
  if (timeout < Nanoseconds{0} || timeout > kRest) timeout = kRest;
  const timespec limit{.tv_sec = 0, .tv_nsec = timeout.count()};
  pollfd wakes{wake_.fd(), POLLIN, 0};
  ++system_calls_;
  ::ppoll(&wakes, 1, &limit, nullptr);
  return Nanoseconds{0};
}

int EpollBackend::sleep(epoll_event* events, int size, Nanoseconds timeout) {
  const bool forever = timeout < Nanoseconds{0};
  if (has_pwait2_) {
    const timespec limit{.tv_sec = timeout.count() / 1'000'000'000,
                         .tv_nsec = timeout.count() % 1'000'000'000};
    const int count =
        ::epoll_pwait2(epoll_.get(), events, size, forever ? nullptr : &limit, nullptr);
    // Before 5.11, and in containers whose filter is older than the call.
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    has_pwait2_ = false;
  }
  // Rounded up: to wake before the deadline would mean to turn once for nothing.
  const auto ms = std::min<std::int64_t>((timeout.count() + 999'999) / 1'000'000, INT_MAX);
  return ::epoll_wait(epoll_.get(), events, size, forever ? -1 : static_cast<int>(ms));
}

void EpollBackend::take_wake() {
  std::uint64_t count;
  [[maybe_unused]] const ssize_t size = ::read(wake_.fd(), &count, sizeof count);
  ++system_calls_;
  wake_.acknowledge();
  if (threads_) threads_->take_done(ready_);
}

// Something happened to a descriptor: make the calls that waited for it, in the order in which they
// came. False if it happened to another file, which had this number before.
bool EpollBackend::serve(const epoll_event& event) {
  const auto found = watches_.find(fd_of(event));
  if (found == watches_.end() || found->second.serial != serial_of(event)) return false;
  serve(found->first, found->second, event.events);
  return true;
}

void EpollBackend::serve(int fd, Watch& watch, std::uint32_t happened) {
  if (watch.waiting.empty()) return disarm(fd, watch, 0);
  std::uint32_t asked = 0;
  std::uint32_t wanted = 0;
  const std::size_t told = shots();
  bool moved = left_unread_ = false;
  watch.waiting.walk([&](Request& request) {
    const std::uint32_t need = events_needed(request.op);
    asked |= need;
    const bool concerned = (happened & (need | kAlways)) != 0 && (wanted & need) == 0;
    // A request that still waits has all others of the same kind behind it.
    if (!concerned || !attempt(request, happened))
      wanted |= need;
    else
      moved = true;
  });
  if ((happened & ~(asked | kAlways)) != 0) return disarm(fd, watch, wanted);
  const bool lasts = watch.once || (happened & kAlways) != 0;
  if (wanted != 0 && lasts) quieten(fd, watch, moved || left_unread_ || shots() != told);
}

// An error stays for as long as nobody asks for it (a queue of them for ever), and would be
// reported again at once. From now on only changes are, and after each success what is still there.
void EpollBackend::quieten(int fd, Watch& watch, bool moved) {
  if (watch.once != moved) return;
  watch.once = true;
  arm(fd, watch, watch.armed);
}

// True if the request ended.
bool EpollBackend::attempt(Request& request, std::uint32_t happened) {
  if (request.op.kind == Kind::accept_many) return accept_some(static_cast<Multishot&>(request));
  if (request.op.kind == Kind::recv_many) return receive_some(static_cast<Multishot&>(request));
  if (request.op.kind != Kind::poll) ++system_calls_;
  const int result = try_now(request.op, happened);
  if (result == -EAGAIN) return false;
  finish(request, result);
  return true;
}

bool EpollBackend::accept_some(Multishot& request) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    ++system_calls_;
    const int result = try_now(request.op, EPOLLIN);
    if (result == -EAGAIN) return false;
    if (result < 0) {
      finish(request, result);
      return true;
    }
    deliver(request, result);
  }
  return false;
}

// One buffer at an event. Without a free one it stays unread; they come back within this turn.
bool EpollBackend::receive_some(Multishot& request) {
  const Buffers::Id id = request.buffers->take();
  left_unread_ = left_unread_ || id == Buffers::kNone;
  if (id == Buffers::kNone) return false;
  request.op.data = request.buffers->at(id).data();
  request.op.size = request.buffers->size();
  ++system_calls_;
  const int result = try_now(request.op, EPOLLIN);
  if (result > 0 || (result == 0 && is_datagram(request.op.fd))) {
    deliver(request, result, id);
    return false;
  }
  request.buffers->give_back(id);
  if (result == -EAGAIN) return false;
  finish(request, result);
  return true;
}

// Nobody waits for what was reported, and it would be reported again at once, for ever.
void EpollBackend::disarm(int fd, Watch& watch, std::uint32_t wanted) {
  if (wanted != 0) {
    arm(fd, watch, wanted);
    return;
  }
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watches_.erase(fd);
}

void EpollBackend::forget(int fd) {
  const auto found = watches_.find(fd);
  if (found == watches_.end()) return;
  assert(found->second.waiting.empty() && "cancel a descriptor's requests before closing it");
  // Closing alone would not do if the open file is shared with a forked process.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watches_.erase(found);
}

void EpollBackend::close_now(int fd) {
  forget(fd);
  close_at_once(fd);
}

void EpollBackend::end() {
  for (auto& [fd, watch] : watches_)
    watch.waiting.walk([&](Request& request) { finish(request, -ECANCELED); });
  if (!threads_) return;
  threads_->end();
  threads_->take_done(ready_);
}

// The fork has closed the descriptors.
void EpollBackend::abandon() noexcept {
  static_cast<void>(epoll_.release());
  wake_.abandon();
  if (threads_) threads_->abandon();
}

}  // namespace timeslice::loop
