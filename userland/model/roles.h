// SPDX-License-Identifier: MIT
// What is each thread of a process for? Names are a hint and never proof: Node 16 to 20 calls
// every thread "node". So each role is derived from the strongest evidence, and says from which:
//
//   1. what the kernel made: its own threads, io_uring's workers       confidence 1
//   2. the futex a sleeper waits on, resolved to a symbol                          0.99
//   3. the epoll descriptor it sleeps on, or a futex shared on the heap            0.9 to 0.99
//   4. the size of its stack mapping                                               0.7 to 0.85
//   5. its own name, in runtimes that name their threads                           0.7
//   6. the order in which the runtime creates its threads                          0.5
//
// A thread shows its evidence only while it sleeps, so a role is kept once known, and replaced only
// by stronger evidence. The facts of Node behind this were measured on Node 16 to 26.
#pragma once
#include <cstdint>
#include <vector>

#include "bpf/wire.h"
#include "model/frame.h"

namespace timeslice::model {

// What is known of one thread; `role` is read and, with stronger evidence, replaced.
struct RoleSubject {
  const ts_thread_row* row;
  uint64_t stack_bytes;  // of the mapping its stack pointer lies in; 0: unknown
  uint32_t start;        // enum ts_start
  Role* role;
};

// Confidence from which on a role is settled, and isn't asked for again.
constexpr double kSettled = 0.9;

// All living threads of one process at once: some evidence is in what threads share.
// `facts` may be null where the process could not be looked up.
void tell_roles(const std::vector<RoleSubject>& threads, const ts_process_facts* facts);

// "node", "bun" …; empty: unknown.
const char* runtime_name(uint32_t runtime);

}  // namespace timeslice::model
