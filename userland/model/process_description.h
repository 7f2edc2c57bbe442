// SPDX-License-Identifier: MIT
// How is a process told to people in a few words? By its script rather than by its whole command,
// its place in a cluster, its ports, and how long it has been up.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace timeslice::model {

enum class ClusterRole { none, primary, worker };

struct ProcessDescription {
  uint32_t tgid = 0;
  std::string name;  // any bytes; empty: not known
  ClusterRole cluster = ClusterRole::none;
  // On which it listens. Of a cluster's worker, those on which its primary listens, which hands it
  // the connections. In order, each once.
  std::vector<uint16_t> ports;
  std::optional<uint64_t> uptime_ns;
};

// Of `words`, with which a process was started. Of a Node's that is the script's file, without its
// folder: "server.js"; or "node -e", "node" where there is none. Of others all words, and so where
// a program has put a title over them.
std::string short_name(const std::vector<std::string>& words);

}  // namespace timeslice::model
