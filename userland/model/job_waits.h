// SPDX-License-Identifier: MIT
// How long do jobs wait in a queue, by looks at it? A job is told by its address, which another may
// have once it is done: but a queue's jobs only ever move forward, so one further behind than at
// the look before is another. What came and went between two looks isn't seen.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace timeslice::model {

struct JobWaitFigures {
  uint32_t ended = 0;       // waits of jobs that left the queue since the last call
  uint64_t ended_ns = 0;    // their sum; each is as exact as two looks are close
  uint64_t longest_ns = 0;  // those that go on included
};

class JobWaits {
 public:
  // `jobs`: first come first.
  void add(uint64_t at_ns, const std::vector<uint64_t>& jobs);
  JobWaitFigures take();

 private:
  struct Waiting {
    uint64_t since_ns;
    uint64_t place;
    uint64_t look;  // the last that met it
  };
  void end(const Waiting& job, uint64_t at_ns);

  std::unordered_map<uint64_t, Waiting> waiting_;  // by address
  JobWaitFigures now_;
  uint64_t looks_ = 0;
};

}  // namespace timeslice::model
