// SPDX-License-Identifier: MIT
// What can be chosen when a loop is made?
#pragma once
#include <cstdint>

struct io_uring;
struct io_uring_params;

namespace timeslice::loop {

// Who carries operations out.
enum class BackendKind : std::uint8_t {
  uring,     // the kernel, through io_uring
  pool,      // threads for files and jobs, epoll for what can say that it is ready: as libuv
  blocking,  // the loop's own thread, which stands still meanwhile
  sim,       // as `blocking`, in an order and with mishaps that a seed decides
};

struct SimOptions {
  std::uint64_t seed = 1;
  bool faults = true;  // short transfers, delays, cancels that come too late
  // The clock is virtual: it jumps to the next deadline when there is nothing else to do, and a
  // loop that waits for what can't come throws std::logic_error. With an outside world (threads,
  // signals, other processes) it is the real clock, and waits are real.
  bool outside_world = false;
};

inline constexpr unsigned kMaxPoolSize = 1024;

struct Options {
  BackendKind backend = BackendKind::uring;
  unsigned pool_size = 4;  // threads, 1 to kMaxPoolSize (clamped), started at the first use
  SimOptions sim;

  // Of io_uring:
  unsigned ring_entries = 256;  // submission queue; more may be in flight than that
  // Splits submit and wait into two system calls, so that requests which ended inline can be told
  // from the others: for learning and measuring, as it costs a call a turn.
  bool observe_routes = false;
  // Lets a sleeping loop count as waiting for a disk, as it does by default on a ring: for showing
  // an iowait and a load that aren't real.
  bool count_as_iowait = false;
  // A kernel thread polls for submissions: no system call to submit, and a core kept busy. For the
  // lesson.
  bool sqpoll = false;
  // As on kernels before 6.0.
  bool without_multishot = false;
  // In place of io_uring_queue_init_params, for tests: returns 0 or -errno.
  int (*ring_setup)(unsigned entries, ::io_uring* ring, ::io_uring_params* params) = nullptr;
};

}  // namespace timeslice::loop
