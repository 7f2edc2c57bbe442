// SPDX-License-Identifier: MIT
#include "demo/sorter.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace timeslice::demo {

namespace {

template <typename T>
loop::Message message_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return loop::Message(std::as_bytes(std::span(&value, 1)));
}

template <typename T>
T value_of(const loop::Message& message) {
  T value;
  std::memcpy(&value, message.bytes.data(), std::min(sizeof value, message.bytes.size()));
  return value;
}

}  // namespace

Sorter::Sorter(loop::Loop& loop, const loop::Options& options, unsigned workers,
               std::size_t most_waiting, std::function<void(std::size_t)> before)
    : loop_(loop), options_(options), most_waiting_(most_waiting), before_(std::move(before)) {
  for (unsigned i = 0; i < workers; ++i) benches_.push_back(std::make_unique<Bench>());
}

Sorter::~Sorter() = default;

Sorter::Id Sorter::sort(std::size_t count, Done done) {
  if (queue_.size() >= most_waiting_) return kFull;
  queue_.push_back({.id = ++last_id_, .count = count, .done = std::move(done)});
  hand_out();
  return last_id_;
}

bool Sorter::withdraw(Id id) {
  return std::erase_if(queue_, [id](const Job& job) { return job.id == id; }) > 0;
}

void Sorter::forget(Id id) {
  if (withdraw(id)) return;
  for (const auto& bench : benches_)
    if (bench->job.id == id) bench->job.done = nullptr;  // it can't be cut short
}

void Sorter::hand_out() {
  for (const auto& bench : benches_) {
    if (queue_.empty()) return;
    if (bench->job.id != kFull) continue;
    Job next = std::move(queue_.front());
    queue_.pop_front();
    give(*bench, std::move(next));
  }
}

// A worker holds the loop only while it has something to do. Should it have ended, and its on_exit
// not be here yet, that will fail the job.
void Sorter::give(Bench& bench, Job job) {
  bench.job = std::move(job);
  if (!bench.worker) start_worker(bench);
  bench.worker->ref();
  bench.worker->send(message_of(bench.job.count));
}

void Sorter::start_worker(Bench& bench) {
  const auto main = [before = before_](loop::WorkerContext& context) {
    context.port().bind(context.loop(), [&context, before](loop::Message& message) {
      const auto count = value_of<std::size_t>(message);
      if (before) before(count);
      context.port().send(
          message_of(Result{.sorted = sort_numbers(count), .thread_id = context.thread_id()}));
    });
  };
  bench.worker = std::make_unique<loop::Worker>(
      loop_, loop::WorkerOptions{.name = "sorter", .loop = options_}, main,
      loop::WorkerEvents{.on_message =
                             [this, &bench](loop::Message& message) {
                               const auto result = value_of<Result>(message);
                               bench.worker->unref();
                               finish(bench, &result);
                             },
                         .on_error = [](const std::exception_ptr&) {},  // its exit says enough
                         .on_exit =
                             [this, &bench](int) {
                               bench.worker.reset();
                               finish(bench, nullptr);
                             }});
}

void Sorter::finish(Bench& bench, const Result* result) {
  if (bench.job.id == kFull) return;
  ++(result ? done_ : failed_);
  const Job job = std::exchange(bench.job, {});
  if (job.done) job.done(result);
  hand_out();
}

Sorter::Counts Sorter::counts() const {
  Counts counts{.queued = queue_.size(), .done = done_, .failed = failed_};
  for (const auto& bench : benches_) {
    counts.workers += bench->worker != nullptr;
    counts.running += bench->job.id != kFull;
  }
  return counts;
}

}  // namespace timeslice::demo
