// SPDX-License-Identifier: MIT
// Which figures of a thread can be shown, and how? One table of columns serves the screen, the
// batch text and CSV, so that a figure has one name, one unit and one order wherever it is seen.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/frame.h"

namespace timeslice::view {

// Room for the text of one cell; whoever writes a table keeps one and reuses it.
struct Scratch {
  char text[96];
};

enum class Kind : uint8_t {
  text,
  whole,    // an id or a small number: as it is
  total,    // a count since the thread began: 8 characters at most, then 123.4M
  rate,     // 0, 3.2, 812, 12.3k
  fine,     // 0.04, 3.21, 48.1, 812: where a hundredth still matters
  percent,  // 7.3, 100.0, 1600
};

enum class Place : uint8_t { everywhere, screen, files };

// In the order in which they are shown.
enum class ColumnId : uint8_t {
  tid,
  tgid,
  name,
  comm,
  role,
  role_evidence,
  role_confidence,
  threads,
  state,
  cpu,
  prio,
  nice,
  policy,
  cpu_pct,
  nvcsw_per_s,
  nivcsw_per_s,
  wait_ms_per_s,
  migrations_per_s,
  wait_p99_us,
  top_preemptor,
  top_waker,
  nvcsw,
  nivcsw,
  migrations,
  loop_pct,
  longest_turn_ms,
  sleeps_in,
  count  // how many there are
};
constexpr auto column_count = static_cast<size_t>(ColumnId::count);

struct Column {
  ColumnId id;
  std::string_view name;     // as in JSON, CSV and --sort
  std::string_view heading;  // as on the screen
  std::string_view meaning;  // with its unit, for the help page
  Kind kind;
  int least_width;  // on the screen; numbers are aligned right, texts left
  int most_width;
  int rank;         // 0: always on the screen; the higher, the sooner it gives way to others
  bool descending;  // sorted so when it is chosen: the most first
  Place place;
  uint32_t needs;                          // groups (enum ts_have) that a source must bring
  bool aggregate;                          // known in aggregate mode only
  bool loops;                              // known where event loops are watched only
  bool (*tells_of)(const model::Thread&);  // null: of all. Of others there is nothing to know
  // Number columns have the two former, text columns the two latter. The process's may be null:
  // then the cell is blank.
  model::Figure (*of_thread)(const model::Thread&);
  model::Figure (*of_process)(const model::Process&);
  std::string_view (*text_of_thread)(const model::Thread&, Scratch&);
  std::string_view (*text_of_process)(const model::Process&, Scratch&);
};

// All columns, in the order in which they are shown.
std::span<const Column> columns();

// By name, heading or a name that top, htop or ps gives it; upper and lower case are the same.
// "cpu" means %CPU, as in top; the CPU's number is "core".
// Throws BadUsage with one sentence that lists the names.
const Column& find_column(std::string_view name);

// Any but `count`.
const Column& column(ColumnId id);

// The cell's text, safe to print: "-" where the figure is absent. It lives until `scratch` is used
// again or the frame changes.
std::string_view cell(const Column& column, const model::Thread& thread, Scratch& scratch);
std::string_view cell(const Column& column, const model::Process& process, Scratch& scratch);

// Can this frame fill the column at all? Said of the source and mode, not of one thread.
bool measured(const Column& column, const model::Frame& frame);

// In place of a table that has no process.
constexpr std::string_view nobody_matches =
    "No process matches; one that does will be shown when it appears.";

// The headings of columns that this frame can't fill, in order: "P99us PREEMPTOR WAKER".
// A column of whose threads (tells_of) none lives isn't missed.
std::string lost_columns(const model::Frame& frame);

}  // namespace timeslice::view
