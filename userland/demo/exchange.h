// SPDX-License-Identifier: MIT
// What is needed while one request is being answered? The request, room for the route's work, and
// the way back. It stays in place until `respond` has been called, which happens exactly once,
// perhaps at once; or, after `forget`, not at all.
#pragma once
#include <functional>
#include <string>

#include "demo/request_parser.h"
#include "demo/response.h"
#include "loop/core/loop.h"

namespace timeslice::demo {

struct Exchange {
  HttpRequest request;
  loop::Request operation;
  Response result;  // for work that makes one on another thread
  std::function<void(Response)> respond;
  // Set while not `operation` but somebody else will respond: makes them not do it any more.
  std::function<void()> forget;
  // The client sends nothing more, and may have left.
  bool input_ended = false;
  // Set while it isn't worth to wait for such a client: called when it comes to that.
  std::function<void()> on_input_end;
};

}  // namespace timeslice::demo
