// SPDX-License-Identifier: MIT
// The lives of workers: how they start, what is done about those that die or hang, how all end.
#include "loop/cluster/cluster.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/failure.h"
#include "loop/cluster/cluster_listen.h"
#include "loop/cluster/cluster_words.h"

namespace timeslice::loop {

namespace {

using namespace std::chrono_literals;

#ifdef __SANITIZE_THREAD__
constexpr std::size_t kThreads = 2;  // the sanitizer has one of its own
#else
constexpr std::size_t kThreads = 1;
#endif

bool one_thread() { return thread_count() <= kThreads; }

const ClusterOptions& checked(const ClusterOptions& options) {
  if (options.workers < 1 || options.workers > kMaxWorkers)
    throw Failure("a cluster has 1 to " + std::to_string(kMaxWorkers) + " workers, not " +
                  std::to_string(options.workers));
  const auto positive = {options.heartbeat, options.start_limit, options.backoff.cap};
  if (std::any_of(positive.begin(), positive.end(), [](Nanoseconds time) { return time <= 0ns; }) ||
      options.heartbeat_limit <= options.heartbeat || options.backoff.first < 0ns ||
      options.backoff.factor < 1 || options.max_waiting < 1)
    throw Failure(
        "a cluster's times have to be positive, its heartbeat limit longer than a heartbeat, its"
        " back-off factor and its waiting connections at least 1");
  return options;
}

// Where ends of children are ignored, the kernel throws them away before anybody has asked.
void keep_ends_of_children() {
  struct sigaction action {};
  ::sigaction(SIGCHLD, nullptr, &action);
  if (action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0)
    ::signal(SIGCHLD, SIG_DFL);
}

}  // namespace

Cluster::Cluster(const ClusterOptions& options, WorkerMain worker_main)
    : options_(checked(options)),
      worker_main_(std::move(worker_main)),
      loop_({.backend = BackendKind::pool}),
      hearts_(loop_, [this] { check_hearts(); }) {
  for (unsigned slot = 0; slot < options_.workers; ++slot)
    slots_.push_back(
        std::make_unique<Slot>(loop_, options_.backoff, [this, slot] { start_current(slot); }));
  make_listeners();
}

Cluster::~Cluster() {
  for (const auto& worker : workers_) ::kill(worker->process.pid, SIGKILL);
  for (const auto& worker : workers_) worker->watch->reap_now();
}

void Cluster::on_signal(int signo, Task task) {
  signals_.push_back(std::make_unique<Signal>(loop_, signo, std::move(task)));
}

void Cluster::run() {
  if (!one_thread())
    throw Failure("a cluster forks, and so has to begin before any thread: this process has " +
                  std::to_string(thread_count()));
  if (has_open_ring())
    throw Failure("a cluster forks, and so has to begin before any io_uring is opened");
  keep_ends_of_children();
  hearts_.start(options_.heartbeat, options_.heartbeat);
  last_check_ = loop_.now();
  for (unsigned slot = 0; slot < slots_.size() && !stopping_; ++slot) start_current(slot);
  end_if_done();
  loop_.run();
  if (!failure_.empty()) throw Failure(failure_);
}

std::string Cluster::Worker::name() const { return worker_name(slot, process.pid); }

void Cluster::start_current(unsigned slot) {
  Slot& place = *slots_[slot];
  if (!place.last_end.empty()) ++place.restarts;
  place.current = spawn(slot);
  if (place.current == nullptr) refill(slot, nullptr);
}

// Null, and reported, if the system refuses it.
Cluster::Worker* Cluster::spawn(unsigned slot) {
  assert(one_thread() && "something started a thread in the manager of a cluster");
  ForkedWorker process;
  // A Signal would hold its number in the worker too, so those of the manager go first.
  const WorkerBody body{.forget_manager = [this] { signals_.clear(); },
                        .run =
                            [this, slot](UniqueFd link, UniqueFd listener) {
                              return run_in_child(slot, std::move(link), std::move(listener));
                            }};
  if (const int error = fork_worker(listener_for(slot), body, process); error != 0) {
    const std::string why = std::string("a worker can't be forked: ") + std::strerror(-error);
    slots_[slot]->last_end = why;
    report(ClusterEvent::Kind::start_failed, slot, -1, why);
    return nullptr;
  }
  workers_.push_back(std::make_unique<Worker>(slot, std::move(process), options_.ipc));
  Worker& worker = *workers_.back();
  worker.rest.emplace(loop_, [this] { pass_what_waits(); });
  worker.limit.emplace(loop_, [this, &worker] { limit_passed(worker); });
  worker.limit->start(options_.start_limit);
  worker.watch.emplace(loop_, [this, &worker](const ExitStatus& end) { on_exit(worker, end); });
  worker.watch->watch(worker.process.pid);
  start_channel(worker);
  report(ClusterEvent::Kind::started, slot, worker.process.pid, worker.name() + " starts");
  return &worker;
}

int Cluster::run_in_child(unsigned slot, UniqueFd link_fd, UniqueFd listener) {
  WorkerLink link(std::move(link_fd), std::move(listener),
                  {.slot = slot,
                   .heartbeat = options_.heartbeat,
                   .grace = options_.grace,
                   .ipc = options_.ipc});
  return worker_main_(link);
}

// It may have said something before it died, which counts: for one, which connections it has taken.
void Cluster::on_exit(Worker& worker, const ExitStatus& end) {
  worker.state = Worker::State::ended;
  try {
    worker.channel.read_now();
  } catch (...) {  // of the owner's
    ended(worker, end);
    throw;
  }
  ended(worker, end);
}

void Cluster::ended(Worker& worker, const ExitStatus& end) {
  using Event = ClusterEvent::Kind;
  Slot& place = *slots_[worker.slot];
  place.last_end = worker.name() + " " + in_words(end) +
                   (worker.complaint.empty() ? "" : ", because " + worker.complaint);
  const bool was_successor = place.successor == &worker;
  const bool was_retiring = place.retiring == &worker;
  for (Worker** role : {&place.current, &place.successor, &place.retiring})
    if (*role == &worker) *role = nullptr;
  take_back(worker);
  bury(worker);
  const Event kind = worker.hung                  ? Event::hung
                     : ended_as_told(worker, end) ? Event::ended
                     : worker.was_ready           ? Event::died
                                                  : Event::start_failed;
  report(kind, worker.slot, worker.process.pid, place.last_end);
  if (stopping_) return end_if_done();
  if (was_successor) successor_failed(worker.slot);
  if (was_retiring) reload_next_slot();
  refill(worker.slot, &worker);
  pass_what_waits();
}

// Not if something else killed it, before it knew or on its way.
bool Cluster::ended_as_told(const Worker& worker, const ExitStatus& end) {
  const bool by_us = end.signal == 0 || end.signal == SIGTERM || !worker.complaint.empty();
  return worker.asked_to_end && by_us;
}

// An empty slot gets a new worker, after a while. `last` is null if it couldn't even be forked.
void Cluster::refill(unsigned slot, const Worker* last) {
  Slot& place = *slots_[slot];
  if (stopping_ || place.current || place.successor || place.restart.active() || place.given_up)
    return;
  const std::optional<Nanoseconds> delay =
      last != nullptr && last->was_ready ? place.backoff.after_run(loop_.now() - last->ready_at)
                                         : place.backoff.after_failed_start();
  if (!delay) return give_up(slot);
  place.restart.start(*delay);
  report(ClusterEvent::Kind::waiting, slot, -1,
         "worker " + std::to_string(slot) + " is started again in " + in_words(*delay), *delay);
}

void Cluster::give_up(unsigned slot) {
  Slot& place = *slots_[slot];
  place.given_up = true;
  const std::string text = "worker " + std::to_string(slot) + " is given up after " +
                           std::to_string(place.backoff.failed_starts()) +
                           " starts in a row that failed; the last one: " + place.last_end;
  report(ClusterEvent::Kind::gave_up, slot, -1, text);
  const bool anybody_left = std::any_of(slots_.begin(), slots_.end(), [](const auto& other) {
    return !other->given_up || other->successor != nullptr;
  });
  if (anybody_left || stopping_) return;
  failure_ = "no worker is left: " + text;
  stop();
}

void Cluster::limit_passed(Worker& worker) {
  switch (worker.state) {
    case Worker::State::starting:
      return kill(worker, "it was not ready within " + in_words(options_.start_limit));
    case Worker::State::draining:
      worker.state = Worker::State::terminated;
      ::kill(worker.process.pid, SIGTERM);
      return worker.limit->start(options_.kill_after);
    case Worker::State::ready:
    case Worker::State::terminated:
    case Worker::State::ended:
      return kill(worker, worker.asked_to_end ? "it did not end when it was told to"
                                              : "it lived on without its link");
  }
}

void Cluster::kill(Worker& worker, const std::string& complaint) {
  if (worker.state == Worker::State::ended) return;
  if (worker.complaint.empty()) worker.complaint = complaint;
  ::kill(worker.process.pid, SIGKILL);
}

// A manager that stood still itself (stopped, or its machine asleep) has heard nobody, and may not
// blame them.
void Cluster::check_hearts() {
  const Nanoseconds now = loop_.now();
  const bool stood_still = now - std::exchange(last_check_, now) > options_.heartbeat_limit / 2;
  for (const auto& worker : workers_) {
    if (!worker->was_ready || worker->hung || worker->state == Worker::State::ended) continue;
    if (stood_still) worker->last_sign = now;
    if (now - worker->last_sign <= options_.heartbeat_limit) continue;
    worker->hung = true;
    kill(*worker, "its loop gave no sign for " + in_words(now - worker->last_sign));
  }
}

void Cluster::retire(Worker& worker) {
  worker.asked_to_end = true;
  if (worker.state > Worker::State::ready) return;
  worker.state = Worker::State::draining;
  worker.channel.send(type_of(ClusterFrame::drain), "");
  worker.limit->start(options_.grace);
}

void Cluster::stop() {
  if (stopping_) {
    for (const auto& worker : workers_) kill(*worker, "the cluster was told twice to stop");
    return;
  }
  stopping_ = true;
  close_listeners();
  for (const auto& slot : slots_) slot->restart.stop();
  for (const auto& worker : workers_) retire(*worker);
  if (reloading_) end_reload("the cluster was told to stop");
  end_if_done();
}

// What it was is gone, but requests of its channel may be on their way back.
void Cluster::bury(Worker& worker) {
  worker.limit->stop();
  worker.rest->end();
  worker.channel.close();
  const auto found = std::find_if(workers_.begin(), workers_.end(),
                                  [&](const auto& owned) { return owned.get() == &worker; });
  assert(found != workers_.end());
  if (buried_.empty()) loop_.set_immediate([this] { sweep(); });
  buried_.push_back(std::move(*found));
  workers_.erase(found);
}

void Cluster::sweep() {
  std::erase_if(buried_, [](const auto& worker) { return worker->channel.idle(); });
  if (!buried_.empty()) loop_.set_immediate([this] { sweep(); });
}

void Cluster::end_if_done() {
  if (!stopping_ || !workers_.empty()) return;
  hearts_.stop();
}

}  // namespace timeslice::loop
