// SPDX-License-Identifier: MIT
// Which BPF programs, maps and links are in the kernel, whoever loaded them? What is there without
// being in another process's hands is ours, or was left behind by us.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace timeslice::live {

enum class BpfKind { program, map, link };

using BpfId = std::pair<BpfKind, uint32_t>;
using BpfIds = std::set<BpfId>;

// All there are now.
BpfIds bpf_ids();

// Those that came since `before`. What processes other than `but_of` hold is left out, for other
// tools may be at work on this machine; `but_of` 0: what any process holds is left out.
BpfIds bpf_ids_since(const BpfIds& before, pid_t but_of);

struct BpfProgram {
  std::string name;
  uint32_t type;
};
std::vector<BpfProgram> programs_in(const BpfIds& ids);  // those still there
std::vector<uint32_t> link_types_in(const BpfIds& ids);

}  // namespace timeslice::live
