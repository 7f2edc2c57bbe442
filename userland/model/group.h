// SPDX-License-Identifier: MIT
// What does the tracker keep of a thread and of a process between two passes? More than it shows:
// what the next rates are made from, and what has been looked up.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpf/wire.h"
#include "model/ended.h"
#include "model/frame.h"
#include "model/sched_figures.h"

namespace timeslice::model {

// A thread's id and the user stack pointer that its stack is looked up by.
struct StackQuery {
  uint32_t tid;
  uint64_t user_sp;
};

// How the model learns what isn't in the rows. Any may be empty: then roles have less evidence.
// An absent answer isn't known yet: the question comes again at the next pass.
struct LookUp {
  // Which processes this pass will ask about, so that it need not wait for each by itself.
  std::function<void(std::span<const uint32_t> tgids)> ahead;
  std::function<std::optional<ts_process_facts>(uint32_t tgid)> process;
  std::function<std::optional<std::vector<ts_stack_facts>>(uint32_t, std::span<const StackQuery>)>
      stacks;
  // What somebody has already found out; confidence 0: nothing.
  std::function<Role(uint32_t tid, uint64_t start_ns)> role;
  // And what runs in a process, one of whose threads started at `start_ns`: "node" …; empty: not
  // known.
  std::function<std::string(uint32_t tgid, uint64_t start_ns)> runtime;
};

struct Group;

struct Tracked {
  Thread shown;
  Group* group = nullptr;
  std::unique_ptr<SchedMemory> sched_memory;  // made when the probes first tell of it
  uint64_t stack_bytes = 0;                   // 0: unknown
  uint32_t start = TS_START_UNKNOWN;          // enum ts_start
  bool stack_asked = false;
  uint64_t updated_at = 0;  // number of the pass that last brought a row
};

struct Group {
  Process shown;
  std::vector<Tracked*> members;
  std::vector<Tracked*> ended;  // since the last pass
  EndedSums ended_sums;         // of all that ever ended
  uint32_t have = 0;            // what its rows brought
  uint64_t missed = 0;          // switches of its threads that the probes didn't see
  uint64_t unseeded = 0;        // threads without storage
  bool touched = true;          // some member got a row, began or ended: its sums are out of date
  ts_process_facts facts{};
  bool ask = true;        // not looked up yet, or another program since
  int tries_left = 5;     // a process that is still starting up is asked again
  bool unsettled = true;  // some thread's role isn't settled
};

// The process as a whole: its name, its threads, and their sums. Once a pass, at its end;
// `interval_s` is absent at the first one.
void sum_up(Group& group, Figure interval_s);

// Will learn() ask about the process as a whole?
bool wants_facts(const Group& group);

// Looks the process up where that is due, and tells the roles that aren't settled yet. `pass` marks
// the threads of which something new may be known.
void learn(Group& group, const LookUp& look_up, uint64_t pass);

}  // namespace timeslice::model
