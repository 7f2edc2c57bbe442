// SPDX-License-Identifier: MIT
// Which HTTP request is a stack serving? Its words lead to Node's object for it, or for the
// response: directly, or by the variables of a function, or by what an async function kept when it
// waited. Only one that is being served by now is told: its socket's response is the one to it.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/v8_heap.h"

namespace timeslice::runtime {

struct HttpRequest {
  std::string method;
  std::string path;  // without the query, which is more often secret

  bool operator==(const HttpRequest&) const = default;
};

// `words`: of the stack. Each request once; of several, nobody knows which it is.
std::vector<HttpRequest> http_requests(V8Heap& heap, std::span<const uint64_t> words);

}  // namespace timeslice::runtime
