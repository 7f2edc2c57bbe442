// SPDX-License-Identifier: MIT
#include "loop/backends/sim_backend.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "loop/backends/blocking.h"
#include "loop/backends/readiness.h"

namespace timeslice::loop {

namespace {

constexpr Nanoseconds kNoWait{0};
constexpr unsigned kDelayPercent = 25;  // of tries: as after EINTR, EAGAIN or ENOBUFS
constexpr unsigned kShortPercent = 30;  // of transfers
constexpr unsigned kLateCancelPercent = 50;
constexpr Nanoseconds kStep{1'000};  // virtual time of a try

// Bytes of one buffer, of which a part may be done.
bool transfers(const Operation& op) {
  const bool bytes = op.kind == Kind::read || op.kind == Kind::write || op.kind == Kind::recv ||
                     op.kind == Kind::send || op.kind == Kind::recv_many;
  return bytes && op.size > 1;
}

bool is_regular_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

// Whether the system may do a part of it only: not where what is read or written is a whole, as a
// datagram, an eventfd's number, or a few bytes into a pipe.
bool may_be_short(const Operation& op) {
  struct stat status {};
  if (::fstat(op.fd, &status) != 0) return false;
  if (S_ISFIFO(status.st_mode)) return op.kind != Kind::write || op.size > PIPE_BUF;
  if (!S_ISSOCK(status.st_mode)) return S_ISREG(status.st_mode) || S_ISCHR(status.st_mode);
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(op.fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

// Waits for a peer; what doesn't, can always be tried.
bool waits(const Operation& op) {
  if (!waits_for_readiness(op)) return false;
  const bool stream = op.kind == Kind::read || op.kind == Kind::write || op.kind == Kind::readv ||
                      op.kind == Kind::writev;
  return !stream || !is_regular_file(op.fd);
}

// What is ready of that for which it waits; POLLNVAL for a bad descriptor, whose call then fails.
std::uint32_t ready_events(const Operation& op) {
  pollfd one{op.fd, static_cast<short>(events_needed(op)), 0};
  ::poll(&one, 1, 0);
  return op.fd < 0 ? POLLNVAL : static_cast<unsigned short>(one.revents);
}

}  // namespace

std::unique_ptr<Backend> make_sim_backend(const Options& options) {
  return std::make_unique<SimBackend>(options.sim);
}

SimBackend::SimBackend(const SimOptions& options)
    : options_(options), random_(options.seed), wake_stays_here_(wake_.fd()) {}

Nanoseconds SimBackend::now() const { return options_.outside_world ? Backend::now() : now_; }

bool SimBackend::chance(unsigned percent) { return options_.faults && below(100) < percent; }

// Not by a distribution of the standard library, whose sequence each implementation may choose.
std::size_t SimBackend::below(std::size_t limit) { return random_() % limit; }

void SimBackend::submit(Request& request) {
  Operation& op = request.op;
  const bool accepts = op.kind == Kind::accept || op.kind == Kind::accept_many;
  if (accepts) never_block(op.fd);
  op.route = waits(op) ? Route::poll : Route::inline_;
  if (op.kind == Kind::connect && op.route == Route::poll) {
    const int result = try_now(op, 0);
    if (result != -EAGAIN) return finish(request, result);
  }
  op.stage = Operation::Stage::waiting;
  waiting_.push_back(request);
}

// In time, or when the operation has just been carried out all the same.
void SimBackend::cancel(Request& request) {
  if (request.op.stage != Operation::Stage::waiting) return;
  if (chance(kLateCancelPercent) && attempt(request) == Tried::ended) return;
  finish(request, -ECANCELED);
}

void SimBackend::wait(Nanoseconds timeout) {
  if (take_wake() || !ready_.empty() || !deliveries_.empty()) timeout = kNoWait;
  attempt_some();
  if (!ready_.empty() || !deliveries_.empty()) {
    now_ += kStep;
    return;
  }
  if (timeout != kNoWait && some_can_go_on()) return;  // it was only delayed
  if (options_.outside_world) return wait_for_outside(timeout);
  advance(timeout);
}

// Nothing happens before the timeout: be there.
void SimBackend::advance(Nanoseconds timeout) {
  if (timeout < kNoWait)
    throw std::logic_error(
        "nothing can happen any more in this simulation, and the loop waits (seed " +
        std::to_string(options_.seed) + ")");
  now_ += timeout;
}

void SimBackend::wait_for_outside(Nanoseconds timeout) {
  std::vector<pollfd> fds{{wake_.fd(), POLLIN, 0}, {beside_.fd(), POLLIN, 0}};
  waiting_.walk([&](const Request& request) {
    fds.push_back({request.op.fd, static_cast<short>(events_needed(request.op)), 0});
  });
  const timespec limit{.tv_sec = timeout.count() / 1'000'000'000,
                       .tv_nsec = timeout.count() % 1'000'000'000};
  ++system_calls_;
  ::ppoll(fds.data(), fds.size(), timeout < kNoWait ? nullptr : &limit, nullptr);
  take_wake();
}

bool SimBackend::take_wake() {
  if (!wake_.asked()) return false;
  std::uint64_t count;  // who asked has written, or is about to
  [[maybe_unused]] const ssize_t size = ::read(wake_.fd(), &count, sizeof count);
  wake_.acknowledge();
  return true;
}

std::vector<Request*> SimBackend::shuffled() {
  std::vector<Request*> all;
  waiting_.walk([&](Request& request) { all.push_back(&request); });
  for (std::size_t left = all.size(); left > 1; --left) std::swap(all[left - 1], all[below(left)]);
  return all;
}

bool SimBackend::some_can_go_on() {
  pollfd changes{beside_.fd(), POLLIN, 0};
  bool any = ::poll(&changes, 1, 0) == 1;
  waiting_.walk([&](const Request& request) {
    any = any || !waits(request.op) || ready_events(request.op) != 0;
  });
  return any;
}

void SimBackend::attempt_some() {
  attempt_beside();
  for (Request* request : shuffled()) {
    if (chance(kDelayPercent) || attempt(*request) != Tried::in_vain) continue;
    // An error that nobody fetches, for one, is there for ever.
    const bool called_ready = ready_events(request->op) != 0;
    const int error = called_ready ? beside_.add(*request) : 0;
    if (error != 0) finish(*request, error);
  }
}

void SimBackend::attempt_beside() {
  beside_.take([this](Request& request, std::uint32_t) {
    if (attempt(request) != Tried::goes_on) return;
    request.unlink();
    waiting_.push_back(request);
  });
}

SimBackend::Tried SimBackend::attempt(Request& request) {
  const std::size_t limit = how_much(request.op);
  if (Multishot* multishot = as_multishot(request)) return attempt_shot(*multishot, limit);
  const int result = try_it(request, limit);
  if (result == -EAGAIN && !knocks(request.op)) return Tried::in_vain;
  finish(request, result);
  return Tried::ended;
}

std::size_t SimBackend::how_much(const Operation& op) {
  const bool whole = !transfers(op) || !chance(kShortPercent) || !may_be_short(op);
  return whole ? ~std::size_t{0} : 1 + below(op.size - 1);
}

int SimBackend::try_it(Request& request, std::size_t limit) {
  Operation& op = request.op;
  ++system_calls_;
  if (knocks(op)) return try_now(op, 0);
  if (!waits(op)) {
    const std::size_t size = op.size;
    if (transfers(op)) op.size = std::min(size, limit);
    const int result = run_blocking(request);
    op.size = size;
    return result;
  }
  const std::uint32_t happened = ready_events(op);
  if (happened == 0) return -EAGAIN;
  return (happened & POLLNVAL) != 0 ? -EBADF : try_now(op, happened, limit);
}

// At most one shot a try, so that a schedule may put anything between two.
SimBackend::Tried SimBackend::attempt_shot(Multishot& request, std::size_t limit) {
  Buffers::Id id = Buffers::kNone;
  if (request.buffers) {
    id = request.buffers->take();
    if (id == Buffers::kNone) return Tried::goes_on;
    request.op.data = request.buffers->at(id).data();
    request.op.size = request.buffers->size();
  }
  const int result = try_it(request, limit);
  const bool good =
      request.buffers ? result > 0 || (result == 0 && is_datagram(request.op.fd)) : result >= 0;
  if (good) {
    deliver(request, result, id);
    return Tried::goes_on;
  }
  if (request.buffers) request.buffers->give_back(id);
  if (result == -EAGAIN) return Tried::in_vain;
  finish(request, result);
  return Tried::ended;
}

void SimBackend::close_now(int fd) { close_at_once(fd); }

void SimBackend::end() {
  const auto cancel = [&](Request& request) { finish(request, -ECANCELED); };
  waiting_.walk(cancel);
  beside_.walk(cancel);
}

void SimBackend::abandon() noexcept {
  wake_.abandon();
  beside_.abandon();
}

}  // namespace timeslice::loop
