// SPDX-License-Identifier: MIT
// What did it all come to? A recording's history, added up by thread, process, role or core, and
// how far it can be trusted. Pure sums: whatever shows a recording takes its totals from here.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/history.h"
#include "model/waits.h"

namespace timeslice::model {

enum class By { thread, process, role };

struct ReportRow {
  // Of a process or a role, `thread` is null.
  const HistoryThread* thread = nullptr;
  uint32_t tgid = 0;
  std::string name;  // comm, or the role
  uint32_t threads = 0;
  uint64_t oncpu_ns = 0, ready_ns = 0, unseen_ns = 0;
  std::array<uint64_t, kOffReasons> off_ns{};
  uint64_t voluntary = 0, involuntary = 0, unclear = 0, slices = 0, migrations = 0, wakeups = 0;
  uint64_t waits = 0, wait_sum_ns = 0, wait_max_ns = 0;
  WaitCounts wait_hist;

  [[nodiscard]] uint64_t off_sum_ns() const {
    uint64_t sum = 0;
    for (const uint64_t ns : off_ns) sum += ns;
    return sum;
  }
  [[nodiscard]] bool active() const { return oncpu_ns + ready_ns + slices + wakeups > 0; }
};

// How far a recording's figures can be trusted.
struct RecordingTrust {
  uint64_t lost = 0;            // records that found no room, as the recorder counted them
  uint64_t gaps = 0;            // places where they are missing
  uint64_t breaks = 0;          // switches that are missing, by what is told before and after
  Beyond beyond;                // what the kernel counted and the records don't tell
  uint64_t broken = 0;          // parts of the file that could not be understood
  uint64_t unfollowed = 0;      // processes that found no room in the filter
  uint64_t cut_waits = 0;       // waits that went on when the window ended
  uint64_t unseen_threads = 0;  // part of whose time isn't known
  uint64_t suspended_ns = 0;
  std::optional<uint64_t> recorder_cpu_ns;
  std::string stopped;          // why the file ends before its end; empty: it doesn't
  bool complete = true;         // the recorder closed it
  bool being_recorded = false;  // it hasn't yet
  bool kernel_waits = true;     // waits are the kernel's own; else they are since the wake-up
  std::string recorder;         // which program wrote it
  [[nodiscard]] bool loses() const { return lost + gaps + breaks + broken + beyond.slices > 0; }
  // Records that are missing would have had waits of any length. A thousandth of all is let pass.
  [[nodiscard]] bool spoils_percentiles(uint64_t waits) const {
    return lost + gaps + broken > 0 || std::max(breaks, beyond.slices) * 1000 > waits;
  }
};

struct Report {
  const History* history = nullptr;
  By by = By::thread;
  std::vector<ReportRow> rows;  // most on-CPU time first
  ReportRow all;                // of them
  RecordingTrust trust;
  // Percentiles are withheld where loss would make them a guess.
  [[nodiscard]] std::optional<double> wait_quantile_us(const ReportRow& row, double q) const;
};

// Without the recorder's own threads, unless `with_recorder`, and without those that the
// recording's filter left out. `history` must live as long as the report.
Report make_report(const History& history, const RecordingTrust& trust, By by, bool with_recorder);

// As the recorder found it out. Who lived too briefly for that, but was introduced, is at least
// known to have been a process's first thread, or not. "thread": nothing is known.
Role role_of(const HistoryThread& thread);

}  // namespace timeslice::model
