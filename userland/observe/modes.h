// SPDX-License-Identifier: MIT
// Which modes does this machine support? They are tried from the requested one down to /proc, which
// always works; each fallback reports its reason.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "observe/source.h"

namespace timeslice::observe {

// Where the figures come from: the BPF programs, the module in kmod/, or /proc alone.
enum class From { bpf, kmod, proc };

enum class Probes { none, sched };

struct Opened {
  std::unique_ptr<Source> source;
  std::string note;  // why it isn't the requested mode; empty if it is
};

// The best source from `from` downwards: the module, BPF with its probes and without, /proc. Throws
// Failure if not even /proc works.
Opened open_best_source(From from, Probes probes, const std::vector<uint32_t>& tgids);

struct ModeReport {
  std::string name;  // "count"
  bool allowed;
  std::string gives;   // what it shows
  std::string reason;  // why it isn't allowed; empty if it is
  std::string fix;     // how to enable it; empty if it is allowed
};

// Tries each mode for real, one after the other, and releases it again.
std::vector<ModeReport> examine_machine();

}  // namespace timeslice::observe
