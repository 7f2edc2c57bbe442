// SPDX-License-Identifier: MIT
// What was a loop's thread busy with at the looks that met it within a turn? In which of V8's
// states it was, in which call it slept, who had the CPU while it waited for one. Looks come a
// hundred times a second, so shares of them are shares of time.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/block_profile.h"
#include "model/counted_call.h"
#include "model/vm_looks.h"

namespace timeslice::model {

// Who has the CPU that a thread waits for; tid 0: nobody, the thread is kept from it (a cgroup's
// limit), or is about to get it.
struct Rival {
  uint32_t tid = 0, tgid = 0;
  std::string comm;
};

// One look, within a turn or not.
struct ActivityLook {
  bool in_turn = false;
  bool asks_vm = false;  // V8's state can be told, of turns
  VmState vm = VmState::unknown;
  std::string call;            // in which it sleeps within a turn; empty: it doesn't
  bool waits = false;          // for a CPU
  std::optional<Rival> rival;  // where it waits, and that is known
};

struct CountedRival {
  Rival rival;  // as last seen
  uint32_t looks = 0;
};

struct LoopActivity {
  uint32_t looks = 0;
  uint32_t vm_looks = 0;             // of them: outside of turns, or in a state that V8 told
  VmLooks vm;                        // of those, within turns
  std::vector<CountedCall> calls;    // most frequent first
  std::vector<CountedRival> rivals;  // by process, most frequent first
  uint32_t rival_looks = 0;          // at which it waited, and a rival could be asked for
  // While V8 collected garbage: asleep, which is no call of its own, and waiting for a CPU.
  uint32_t collector_sleeps = 0, collector_waits = 0;
  // Stacks of turns of any length, where those are sampled as well; of those the ones that slept in
  // a call at that moment, and that collected garbage.
  BlockProfile profile, sleeping, collecting;

  // The share of time spent collecting garbage; absent where V8's state isn't known.
  [[nodiscard]] std::optional<double> gc_ratio() const {
    if (vm_looks == 0) return std::nullopt;
    return static_cast<double>(vm.garbage_collector) / vm_looks;
  }
};

class ActivityLooks {
 public:
  void add(const ActivityLook& look);
  // A sample of the stack at the last look.
  void add_sample(const StackSample& sample, bool sleeps);
  void drop_sample() { now_.profile.drop(); }
  // Since the last call.
  LoopActivity take();

 private:
  LoopActivity now_;
  std::map<std::string, uint32_t> calls_;
  std::map<std::pair<uint32_t, std::string>, CountedRival> rivals_;  // by tgid; without one by name
};

}  // namespace timeslice::model
