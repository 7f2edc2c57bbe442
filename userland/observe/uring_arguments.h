// SPDX-License-Identifier: MIT
// Where does an io_uring tracepoint of this kernel have the request among its arguments? Their
// order has changed several times, but the kernel's own types tell it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace timeslice::observe {

struct UringArguments {
  const char* submit = nullptr;  // the tracepoint's name: since 6.4 it is another
  uint32_t submit_request_at = 0;
  uint32_t poll_request_at = 0;
  uint32_t async_request_at = 0;
  std::optional<uint32_t> wake_request_at;  // absent: it isn't named
  bool complete_has_cqe = false;            // a pointer to the CQE, instead of its fields
};

// Throws Failure where a tracepoint is missing, or doesn't name its request.
UringArguments uring_arguments();

}  // namespace timeslice::observe
