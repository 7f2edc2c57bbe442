// SPDX-License-Identifier: MIT
#include "view/screen/help.h"

#include <algorithm>

#include "view/format/columns.h"

namespace timeslice::view {

namespace {

struct Entry {
  const char *key, *text;
  bool live = false;  // not with a recording
};

constexpr Entry keys[] = {
    {"q", "quit (Ctrl-C too)"},
    {"a", "switch to aggregate mode (probes on), and back", true},
    {"Enter", "details of the selected row; Enter or Esc closes them"},
    {"arrows", "up, down: select; right, left: columns that don't fit"},
    {"PgUp PgDn", "a page up, down; Home, End: first row, last row"},
    {"Space", "fold or unfold a process's threads; - folds all, + unfolds all"},
    {"t  H  K", "tree or flat; threads shown or not; kernel threads shown or not"},
    {"/", "filter by comm or role: a substring or a glob; Esc clears it"},
    {"P N V I W M", "sort by %CPU, TID, VOL/S, INV/S, WAITms, MIG/S"},
    {"<  >  s  r", "sort by the previous, next or a named column; reverse the order"},
    {"p", "pause and resume", true},
    {"d", "delay between refreshes, 0.05 to 3600 s", true},
    {"Ctrl-L", "refresh now (F5 too)", true},
    {"h  ?", "this help"},
};

constexpr Entry moves[] = {
    {"p", "pause and resume; at the end, play again from the start"},
    {".  ,", "one step forward, one step back"},
    {"d", "length of a step, 0.05 to 3600 s"},
    {"0 to 9", "jump to a tenth of the recording; J: to a given second"},
    {"[  ]", "half speed, double speed"},
    {"", "figures are for the step that ends at the time shown"},
};

constexpr Entry modes[] = {
    {"count", "what the kernel counts anyway: no probes, no overhead"},
    {"aggregate", "probes on switches and wake-ups add waits, preemptors, wakers;"},
    {"", "the trust line shows their cost per switch"},
    {"proc", "/proc alone, without eBPF: slower, with fewer columns"},
};

constexpr Entry states[] = {
    {"R  r", "running; runnable, but waiting for a CPU"},
    {"S  D  I", "sleeping; uninterruptible sleep; idle kernel thread"},
    {"T  t  Z  X", "stopped; traced; zombie; ended since the previous refresh"},
};

constexpr Entry trust[] = {
    {"lost", "records or switches that are missing from the figures"},
    {"unseeded", "threads without storage: they have no aggregate figures"},
    {"still open", "waits that had not ended when the interval did"},
    {"self", "this tool's own CPU time, % of one CPU"},
};

void append(std::vector<HelpLine>& lines, const char* title, std::span<const Entry> entries,
            bool recording = false) {
  if (!lines.empty()) lines.push_back({});
  lines.push_back({"", title, Style::strong});
  for (const Entry& e : entries)
    if (!recording || !e.live) lines.push_back({e.key, e.text});
}

}  // namespace

std::vector<HelpLine> help_lines(bool recording) {
  std::vector<HelpLine> lines;
  if (recording) append(lines, "In a recording", moves);
  append(lines, "Keys", keys, recording);
  if (!recording) append(lines, "Modes", modes);
  append(lines, "States", states);
  append(lines, "Columns", {});
  for (const Column& c : columns())
    if (c.place != Place::files) lines.push_back({std::string(c.heading), std::string(c.meaning)});
  lines.push_back({"-", "unknown: not measured in this mode, or only one sample so far"});
  append(lines, "Trust", trust);
  return lines;
}

size_t draw_help(Canvas& canvas, int y, int height, size_t top, bool recording) {
  const std::vector<HelpLine> lines = help_lines(recording);
  const auto room = static_cast<size_t>(std::max(height, 0));
  top = std::min(top, lines.size() > room ? lines.size() - room : 0);
  for (size_t i = 0; i < room && top + i < lines.size(); ++i) {
    const HelpLine& line = lines[top + i];
    const int at = y + static_cast<int>(i);
    canvas.put(at, 1, line.key, Style::accent, 12);
    canvas.put(at, line.style == Style::strong ? 1 : 14, line.text, line.style);
  }
  return top;
}

}  // namespace timeslice::view
