// SPDX-License-Identifier: MIT
#include "loop/cluster/cluster_worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace timeslice::loop {

namespace {

// A handler gets nothing but the signal's number. Its eventfd outlives any loop of the process, so
// a signal that comes when the loop has gone already harms nobody.
std::atomic<int> term_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void note_term(int /*signo*/) {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t size = ::write(term_fd, &one, sizeof one);
  errno = saved;
}

}  // namespace

WorkerLink::WorkerLink(UniqueFd link, UniqueFd listener, const WorkerSettings& settings)
    : settings_(settings),
      listener_(std::move(listener)),
      term_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      channel_(std::move(link), settings.ipc) {
  if (!term_) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
}

WorkerLink::~WorkerLink() {
  if (loop_ == nullptr) return;
  ::signal(SIGTERM, SIG_DFL);
  term_fd = -1;
}

void WorkerLink::attach(Loop& loop, Handlers handlers) {
  assert(loop_ == nullptr && "a link is attached once");
  loop_ = &loop;
  publish_cluster_worker();
  handlers_ = std::move(handlers);
  channel_.start(loop, {.on_frame = [this](Frame& frame) { take(frame); },
                        .on_flushed = [this] { hand_over(); },
                        .on_end = [this](IpcEnd, const std::string& why) { manager_gone(why); }});
  heart_.emplace(loop, [this] { beat(); });
  heart_->unref();
  heart_->start(settings_.heartbeat, settings_.heartbeat);
  last_resort_.emplace(loop, [] { ::_exit(EXIT_FAILURE); });
  last_resort_->unref();
  term_read_.unref();
  listen_for_term();
  term_fd = term_.get();
  struct sigaction action {};
  action.sa_handler = note_term;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
}

void WorkerLink::ready() {
  assert(loop_ != nullptr && "attach the link to a loop first");
  tell(ClusterFrame::ready);
}

int WorkerLink::send(std::string message) {
  return channel_.send(type_of(ClusterFrame::message), std::move(message));
}

// An error means that the manager is gone, which the channel tells by itself.
void WorkerLink::tell(ClusterFrame frame, std::string payload) {
  channel_.send(type_of(frame), std::move(payload));
}

// One that still waits says as much as two.
void WorkerLink::beat() {
  if (channel_.flushed()) tell(ClusterFrame::heartbeat);
}

void WorkerLink::take(Frame& frame) {
  switch (static_cast<ClusterFrame>(frame.type)) {
    case ClusterFrame::connection:
      return arrived(frame);
    case ClusterFrame::drain:
      drain_asked_ = true;
      return drain();
    case ClusterFrame::message:
      if (handlers_.on_message) handlers_.on_message(std::move(frame.payload));
      return;
    case ClusterFrame::ready:  // a worker's own
    case ClusterFrame::heartbeat:
    case ClusterFrame::taken:
    case ClusterFrame::refused:
    case ClusterFrame::leaving:
      return;  // nor does one mind what a manager sends that knows more
  }
}

// Those that came together are acknowledged together, as soon as the callback is over.
void WorkerLink::arrived(Frame& frame) {
  if (arrived_.empty()) loop_->next_tick([this] { acknowledge(); });
  arrived_.push_back(std::move(frame));
}

void WorkerLink::acknowledge() {
  std::vector<Frame> arrived = std::exchange(arrived_, {});
  for (auto first = arrived.begin(); first != arrived.end();) {
    const bool lost = first->fd_lost;
    std::uint32_t count = 0;
    for (; first != arrived.end() && first->fd_lost == lost; ++first, ++count)
      if (!lost) taken_.push_back(std::move(first->fd));
    tell(lost ? ClusterFrame::refused : ClusterFrame::taken, count_payload(count));
  }
  hand_over();
}

// Only when the manager can't pass them to anybody else any more.
void WorkerLink::hand_over() {
  if (!channel_.flushed() && !channel_.closed()) return;
  std::vector<UniqueFd> taken = std::exchange(taken_, {});
  for (UniqueFd& fd : taken)
    if (handlers_.on_connection) handlers_.on_connection(std::move(fd));
  if (drain_asked_) drain();
}

// Connections that came before are handed over before.
void WorkerLink::drain() {
  if (draining_ || !arrived_.empty() || !taken_.empty()) return;
  draining_ = true;
  channel_.unref();
  if (handlers_.on_drain) handlers_.on_drain();
}

void WorkerLink::listen_for_term() {
  loop_->poll(term_read_, term_.get(), POLLIN, [this](Request& request) {
    if (request.result() > 0) on_term();
  });
}

void WorkerLink::on_term() {
  std::uint64_t count;
  [[maybe_unused]] const ssize_t size = ::read(term_.get(), &count, sizeof count);
  listen_for_term();
  if (draining_) return handlers_.on_hurry ? handlers_.on_hurry() : loop_->stop();
  if (!drain_asked_) tell(ClusterFrame::leaving);
  drain_asked_ = true;
  drain();
}

// Nobody is left who would kill a worker that doesn't find its end, so it does that itself.
void WorkerLink::manager_gone(const std::string& why) {
  std::fprintf(stderr, "worker %d: the manager's link has ended (%s)\n", ::getpid(), why.c_str());
  last_resort_->start(settings_.grace);
  drain_asked_ = true;
  if (arrived_.empty()) hand_over();  // else acknowledge() goes on to there
}

}  // namespace timeslice::loop
