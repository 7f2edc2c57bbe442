// SPDX-License-Identifier: MIT
#include "loop/core/publication.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>

#include "loop/core/fork_guard.h"

// By this name, which is all that others know.
extern "C" {
__attribute__((visibility("default"))) timeslice::PublishedLoops timeslice_loops;
}

namespace timeslice::loop {

namespace {

std::atomic<std::uint64_t> loops_made{0};

PublishedLoops& table() { return timeslice_loops; }

// A forked child has the table, and none of the loops.
void forget_all() {
  for (PublishedLoop& place : table().loops) place.self = 0;
  table().used = table().unlisted = table().is_cluster_worker = 0;
}

void begin_table() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, forget_all);
  static_cast<void>(registered);
  std::atomic_ref(table().version).store(kPublishedLoopsVersion, std::memory_order_relaxed);
  std::atomic_ref(table().size).store(sizeof(PublishedLoop), std::memory_order_relaxed);
  std::atomic_ref(table().magic).store(kPublishedLoopsMagic, std::memory_order_release);
}

// Whoever reads finds a loop there once its own address is.
bool take(PublishedLoop& place) {
  constexpr std::uint64_t kTaken = 1;  // no address
  std::uint64_t free = 0;
  return std::atomic_ref(place.self).compare_exchange_strong(free, kTaken);
}

PublishedLoop* take_place() {
  for (std::uint32_t i = 0; i < kMostPublishedLoops; ++i) {
    if (!take(table().loops[i])) continue;
    std::atomic_ref used(table().used);
    std::uint32_t before = used;
    while (before < i + 1 && !used.compare_exchange_weak(before, i + 1)) {
    }
    return &table().loops[i];
  }
  ++std::atomic_ref(table().unlisted);
  return nullptr;
}

void release(PublishedLoop& place) {
  std::atomic_ref(place.self).store(0, std::memory_order_release);
}

}  // namespace

Publication::Publication(bool listed) : place_(&hidden_), generation_(fork_generation) {
  if (!listed) return;
  begin_table();
  PublishedLoop* const place = take_place();
  if (!place) return;
  place_ = place;
  time(0), turns(0), wait_ended(0), stopped(), pool(0, 0, 0, 0);
  put(place->serial, ++loops_made);
  put(place->thread_pointer, reinterpret_cast<std::uint64_t>(__builtin_thread_pointer()));
  put(place->tid, static_cast<std::uint32_t>(::gettid()));
  std::atomic_ref(place->self)
      .store(reinterpret_cast<std::uint64_t>(place), std::memory_order_release);
}

// In a forked child the place is nobody's, or another loop's by now.
Publication::~Publication() {
  if (place_ != &hidden_ && generation_ == fork_generation) release(*place_);
}

void publish_cluster_worker() {
  begin_table();
  std::atomic_ref(table().is_cluster_worker).store(1, std::memory_order_relaxed);
}

}  // namespace timeslice::loop
