// SPDX-License-Identifier: MIT
// Who waits if a process's files or memory never answer? A page of its memory may be a file on a
// server that its owner keeps from answering, and no open flag helps against that. So look-ups are
// jobs on a thread of their own. Who asks waits for them for a limited time, and goes on with those
// that are through; a thread that one job has kept for too long is left behind, and another takes
// its place.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "observe/process_facts.h"

namespace timeslice::observe {

class LookUpThread {
 public:
  struct Limits {
    std::chrono::milliseconds patience{2000};   // with all jobs of a pass
    std::chrono::milliseconds give_up{10'000};  // with a thread that is on one job
    int most_left_behind = 16;                  // threads; then nothing more is looked up
  };
  // May run, or end, when who gave it has gone: it owns what it writes to. Only the jobs of one
  // thread share the look-up.
  using Job = std::function<void(ProcessLookUp&)>;

  struct Result {
    size_t done = 0;     // of the jobs, from the first on; the others will not be begun
    bool stuck = false;  // the next one took most of the time by itself
  };

  LookUpThread() : LookUpThread(Limits()) {}
  explicit LookUpThread(Limits limits) : limits_(limits) {}
  ~LookUpThread();  // never waits
  LookUpThread(const LookUpThread&) = delete;
  LookUpThread& operator=(const LookUpThread&) = delete;

  // From now on the calls together have the patience that each has alone otherwise.
  void begin_pass();
  // In order. Nothing is done, at once, while an earlier call's job isn't through, when the pass's
  // time is up, or where the machine has no thread for it.
  Result run(std::vector<Job> jobs);

 private:
  struct Desk;
  bool ready();
  bool start();

  Limits limits_;
  std::optional<std::chrono::steady_clock::time_point> pass_ends_;
  std::shared_ptr<Desk> desk_;  // shared with the thread
  int left_behind_ = 0;
};

}  // namespace timeslice::observe
