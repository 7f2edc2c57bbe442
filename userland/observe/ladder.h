// SPDX-License-Identifier: MIT
// Which rungs does this machine allow? The ladder is tried from the rung that was asked for down to
// /proc, which always serves; whoever steps down says why.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "observe/source.h"

namespace timeslice::observe {

// Whom to ask: the BPF programs, the module in kmod/, or /proc alone.
enum class From { bpf, kmod, proc };

enum class Probes { none, sched };

struct Opened {
  std::unique_ptr<Source> source;
  std::string note;  // why it isn't the rung that was asked for; empty where it is
};

// The best source from `from` downwards: the module, BPF with its probes and without, /proc. Throws
// Failure where not even /proc serves.
Opened open_best_source(From from, Probes probes, const std::vector<uint32_t>& tgids);

struct RungReport {
  std::string name;  // "count"
  bool allowed;
  std::string gives;   // what one sees with it
  std::string reason;  // why it isn't allowed; empty where it is
  std::string mend;    // what to do about it
};

// Tries every rung for real, one by one, and lets go of it again.
std::vector<RungReport> examine_machine();

}  // namespace timeslice::observe
