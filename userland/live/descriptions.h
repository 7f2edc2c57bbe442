// SPDX-License-Identifier: MIT
// What is there to say of live processes in a few words? Their commands and environments are read
// from their memory, which may never answer: that is done on a thread of its own, and what isn't
// known in time is left out until the next time.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/process_description.h"
#include "observe/look_up_thread.h"
#include "observe/tcp_sockets.h"

namespace timeslice::live {

class Descriptions {
 public:
  // How long to wait for memory that doesn't answer.
  explicit Descriptions(std::chrono::milliseconds patience = std::chrono::milliseconds(500))
      : thread_({.patience = patience}) {}

  // In the order of `tgids`. Names and clusters are as of ten seconds ago at most, ports of
  // one, or, where there are very many sockets, of a minute.
  std::vector<model::ProcessDescription> of(const std::vector<uint32_t>& tgids);

 private:
  struct Known {
    std::string name;
    model::ClusterRole cluster = model::ClusterRole::none;
  };

  void look_up(const std::vector<uint32_t>& tgids);
  void read_ports(const std::vector<uint32_t>& listeners);

  observe::LookUpThread thread_;
  observe::TcpSockets sockets_;
  std::map<uint32_t, Known> known_;
  std::map<uint32_t, std::vector<uint16_t>> ports_;
  uint64_t looked_up_ns_ = 0, ports_read_ns_ = 0, ports_took_ns_ = 0;
};

}  // namespace timeslice::live
