// SPDX-License-Identifier: MIT
// What is measured of some processes to tell why they are slow? Their loops, a hundred times a
// second; what the threads of their pools sleep in and whom their connections wait for, ten times a
// second; and what CPU they may have, at the beginning and the end.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "live/descriptions.h"
#include "live/loop_watch.h"
#include "model/peer_waits.h"
#include "model/why.h"
#include "observe/cpu_limits.h"
#include "observe/tcp_sockets.h"

namespace timeslice::live {

struct WhyWatched {
  std::vector<model::WatchedProcess> processes;  // those with loops, in order of tgid
  model::LoopFrame loops;                        // refusals, trust and notes; its loops moved away
};

class WhyWatch {
 public:
  // Throws Failure.
  WhyWatch(const std::vector<uint32_t>& tgids, uint64_t block_ns, bool requests = false);

  // What was refused so far. What was measured until now doesn't count: a search for loops takes
  // some looks.
  model::LoopFrame begin();
  // Ten times a second. False: all of the processes have ended.
  bool tick();
  WhyWatched finish();  // of the window since the last one, or since begin()

 private:
  model::WatchedProcess described(uint32_t tgid);
  model::CpuLimits limits_since_before(uint32_t tgid);
  void find_clusters();
  void look_at_sockets();

  std::vector<uint32_t> tgids_;                         // with the workers of their clusters
  std::map<uint32_t, std::vector<uint32_t>> clusters_;  // by worker: all of its cluster
  std::map<uint32_t, observe::CpuLimitsNow> limits_;    // when the present window began
  LoopWatch loops_;
  Descriptions descriptions_;
  observe::TcpSockets sockets_;
  std::map<uint32_t, model::PeerWaits> peers_;
};

}  // namespace timeslice::live
