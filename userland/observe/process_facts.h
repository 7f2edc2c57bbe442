// SPDX-License-Identifier: MIT
// What is this process, and where does it keep what its threads wait on? Answered from the symbols
// of its program and, with ptrace rights, a word of its memory: what roles are told by.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "bpf/wire.h"

namespace timeslice::observe {

// A program file's identity; a rebuilt file gets another change time.
using FileKey = std::tuple<uint64_t, uint64_t, int64_t>;

// What a program's file says, the same for all its processes.
struct ProgramFacts {
  uint32_t runtime = TS_RUNTIME_UNKNOWN;
  bool proven = false;     // by symbols, not by the file's name only
  bool relocated = false;  // addresses want the load base
  uint64_t pool_cond = 0, pool_cond_size = 0;
  uint64_t signal_semaphore = 0, signal_semaphore_size = 0;
  uint64_t default_loop = 0;
};

class ProcessLookUp {
 public:
  // Of a process that is gone or may not be looked at: nothing is known, and nothing is thrown.
  ts_process_facts look_up(uint32_t tgid);

  // How large is the mapping that each stack pointer lies in? Same order; 0 where unknown.
  static std::vector<ts_stack_facts> stacks(uint32_t tgid, const std::vector<uint32_t>& tids,
                                            const std::vector<uint64_t>& stack_pointers);

 private:
  const ProgramFacts& program_of(uint32_t tgid, std::string& mapped_as);
  std::map<FileKey, ProgramFacts> programs_;
};

}  // namespace timeslice::observe
