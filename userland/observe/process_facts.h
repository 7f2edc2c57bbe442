// SPDX-License-Identifier: MIT
// What is this process, and where does it keep what its threads wait on? Answered from the symbols
// of its program and, with ptrace rights, a word of its memory: the evidence for roles.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "bpf/wire.h"
#include "observe/elf_symbols.h"
#include "observe/foreign_file.h"

namespace timeslice::observe {

// What a program's file says, the same for all its processes.
struct ProgramFacts {
  uint32_t runtime = TS_RUNTIME_UNKNOWN;
  bool proven = false;     // by symbols, not by the file's name only
  bool relocated = false;  // addresses want the load base
  uint64_t entry = 0;      // where it begins, as linked
  uint64_t pool_cond = 0, pool_cond_size = 0;
  uint64_t signal_semaphore = 0, signal_semaphore_size = 0;
  uint64_t default_loop = 0;
  // By ts_start: the functions that its threads begin in; address 0: unknown.
  std::array<FoundSymbol, TS_STARTS> starts{};
};

class ProcessLookUp {
 public:
  // Of a process that is gone or may not be looked at: nothing is known, and nothing is thrown.
  ts_process_facts look_up(uint32_t tgid);

  // Of the stacks that the pointers lie in: how large is the mapping, and where did the thread
  // begin? Same order; 0 where unknown.
  std::vector<ts_stack_facts> stacks(uint32_t tgid, const std::vector<uint32_t>& tids,
                                     const std::vector<uint64_t>& stack_pointers);

 private:
  // Builds run programs without end: so many are remembered, then it begins anew.
  static constexpr size_t kMostPrograms = 4096;

  ProgramFacts program_of(uint32_t tgid, uint64_t& base);
  ProgramFacts facts_of(const ForeignFile& file);
  ProgramFacts libnode_of(uint32_t tgid, uint64_t& base);
  std::map<FileIdentity, ProgramFacts> programs_;
};

}  // namespace timeslice::observe
