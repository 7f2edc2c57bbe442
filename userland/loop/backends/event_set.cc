// SPDX-License-Identifier: MIT
#include "loop/backends/event_set.h"

#include <sys/epoll.h>

#include <cerrno>

#include "loop/backends/readiness.h"

namespace timeslice::loop {

int EventSet::add(Request& request) {
  if (const int error = make(); error != 0) return error;
  const int fd = request.op.fd;
  Watch& watching = watches_[fd];
  std::uint32_t events = events_needed(request.op);
  watching.waiting.walk([&](Request& other) { events |= events_needed(other.op); });
  if (const int error = watch(fd, events); error != 0) {
    if (watching.waiting.empty()) forget(fd);
    return error;
  }
  request.unlink();
  request.op.stage = Operation::Stage::waiting;
  watching.waiting.push_back(request);
  return 0;
}

int EventSet::make() {
  if (epoll_) return 0;
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return -errno;
  stays_here_.emplace(epoll_.get());
  return 0;
}

// What is there already is told anew. The kernel knows better than we whether it watches: a number
// may belong to another file by now, or to one that we forgot.
int EventSet::watch(int fd, std::uint32_t events) {
  epoll_event event{.events = events | EPOLLET, .data = {.fd = fd}};
  int error = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  if (error != 0 && errno == EEXIST) error = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
  return error == 0 ? 0 : -errno;
}

int EventSet::collect(Came* came) {
  if (empty()) return 0;
  epoll_event events[kAtOnce];
  const int count = ::epoll_wait(epoll_.get(), events, kAtOnce, 0);
  for (int i = 0; i < count; ++i) came[i] = {events[i].data.fd, events[i].events};
  return count;
}

bool EventSet::concern(const Request& request, std::uint32_t happened) {
  return (happened & (events_needed(request.op) | EPOLLERR | EPOLLHUP)) != 0;
}

void EventSet::forget(int fd) {
  watches_.erase(fd);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

}  // namespace timeslice::loop
