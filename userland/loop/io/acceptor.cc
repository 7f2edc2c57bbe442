// SPDX-License-Identifier: MIT
#include "loop/io/acceptor.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace timeslice::loop {

namespace {
constexpr int kInARow = 32;      // then other things of the loop have their turn
constexpr int kLastOnes = 1024;  // more than a queue holds: whoever comes later is refused
}  // namespace

Acceptor::Acceptor(Loop& loop, UniqueFd listener, std::function<bool()> wanted,
                   std::function<void(UniqueFd)> on_connection)
    : loop_(loop),
      listener_(std::move(listener)),
      wanted_(std::move(wanted)),
      on_connection_(std::move(on_connection)),
      rest_(loop, [this] { resume(); }) {}

void Acceptor::resume() {
  if (closed_ || polling_.in_flight() || rest_.active() || !wanted_()) return;
  loop_.poll(polling_, listener_.get(), POLLIN, [this](Request& request) {
    if (closed_) return loop_.close_now(listener_.release());
    if (request.result() < 0) return rest_.begin();
    readable();
  });
}

void Acceptor::readable() {
  for (int left = kInARow; left > 0 && !closed_ && wanted_(); --left)
    if (!accept_one()) break;
  resume();
}

bool Acceptor::accept_one() {
  const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) {
    on_connection_(UniqueFd(fd));
    return true;
  }
  const int result = -errno;
  if (Rest::is_due(result)) {
    rest_.begin();
    return false;
  }
  return result != -EAGAIN;  // other errors are those of a client that has gone already
}

void Acceptor::take_last_ones() {
  for (int left = kLastOnes; left > 0 && !closed_; --left)
    if (!accept_one()) return;
}

void Acceptor::close() {
  if (closed_) return;
  closed_ = true;
  rest_.end();
  if (polling_.in_flight()) return polling_.cancel();
  loop_.close_now(listener_.release());
}

}  // namespace timeslice::loop
