// SPDX-License-Identifier: MIT
// How much may one client take? So many bytes, so many things at once, and so much time. A client
// that takes more is answered with the status that says so, or loses its connection; the others
// don't notice.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "loop/core/timer.h"

namespace timeslice::demo {

struct Limits {
  std::uint32_t header_bytes = 16U << 10;           // of the request line and headers: 431
  unsigned headers = 100;                           // of one request: 431
  std::size_t body_bytes = std::size_t{64} << 10;   // 413
  std::size_t pipelined = 32;                       // whole requests; further ones stay unread
  std::size_t connections = 16'384;                 // further ones wait to be accepted
  std::size_t piece_bytes = std::size_t{32} << 10;  // of a file, read and sent at a time
  std::size_t sort_numbers = std::size_t{2} << 20;  // of one /sort: 400
  std::size_t sorts_waiting = 64;                   // in the queue of the sorting workers: 503
  std::size_t hashes_waiting = 64;                  // for a thread of the pool: 503
  std::uint64_t blocks_waiting_ms = 4000;           // of /block, in sum: 503

  loop::Nanoseconds header_time = std::chrono::seconds(10);  // from a request's first byte: 408
  loop::Nanoseconds body_time = std::chrono::seconds(30);    // from the header's end: 408
  loop::Nanoseconds idle_time = std::chrono::seconds(60);    // between requests
  loop::Nanoseconds stall_time = std::chrono::seconds(30);   // of a client that doesn't read
  // When the server ends: since a client's last answer, for it may be asking again just now.
  loop::Nanoseconds farewell_time = std::chrono::milliseconds(500);
  loop::Nanoseconds linger_time = std::chrono::seconds(1);  // after the last answer
  loop::Nanoseconds grace = std::chrono::seconds(3);        // for what was begun before the end
};

}  // namespace timeslice::demo
