// SPDX-License-Identifier: MIT
// Whose costly work is done next? So much is under way at once, so much may wait, in order; beyond
// that it's refused. Nobody waits who may have left: all that shows of a client that has closed its
// connection is that it sends nothing more. One that has only half-closed it is told so, with 503,
// if its turn hasn't come; else it gets its answer.
#pragma once
#include <cstdint>
#include <functional>
#include <list>

#include "demo/exchange.h"

namespace timeslice::demo {

class Turns {
 public:
  // `most_waiting` is in the unit of the costs.
  Turns(std::size_t most_at_once, std::uint64_t most_waiting)
      : most_at_once_(most_at_once), most_waiting_(most_waiting) {}

  // Calls `start` now or later, or not at all, if the client goes or the exchange is answered here.
  // Who was started calls end(), once.
  void take(Exchange& exchange, std::uint64_t cost, std::function<void()> start);
  void end();

 private:
  struct Waiting {
    Exchange* exchange;
    std::uint64_t cost;
    std::function<void()> start;
  };

  void wait(Exchange& exchange, std::uint64_t cost, std::function<void()> start);
  std::function<void()> leave(std::list<Waiting>::iterator place);

  const std::size_t most_at_once_;
  const std::uint64_t most_waiting_;
  std::size_t under_way_ = 0;
  std::uint64_t waiting_cost_ = 0;
  std::list<Waiting> waiting_;
};

// What is answered in place of work that waits when the client may have left.
Response gone_response();

}  // namespace timeslice::demo
