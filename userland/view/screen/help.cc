// SPDX-License-Identifier: MIT
#include "view/screen/help.h"

#include <algorithm>

#include "view/format/columns.h"

namespace timeslice::view {

namespace {

struct Entry {
  const char *key, *text;
  bool live = false;  // a recording has no use for it
};

constexpr Entry keys[] = {
    {"q", "quit (Ctrl-C too)"},
    {"a", "climb to the aggregate rung, and back", true},
    {"Enter", "details of the selected row; Enter or Esc closes them"},
    {"arrows", "up, down: select; right, left: to the columns that don't fit"},
    {"PgUp PgDn", "a page up, down; Home, End: first row, last row"},
    {"Space", "fold a process's threads, or unfold them; - folds all, + none"},
    {"t  H  K", "tree or flat; threads shown or not; kernel threads shown or not"},
    {"/", "filter by comm or role: a part of it, or a glob; Esc clears it"},
    {"P N V I W M", "sort by %CPU, TID, VOL/S, INV/S, WAITms, MIG/S"},
    {"<  >  s  r", "sort by the column beside; by one you name; in reverse"},
    {"p", "pause, and go on", true},
    {"d", "delay between refreshes, 0.05 to 3600 s", true},
    {"Ctrl-L", "refresh now (F5 too)", true},
    {"h  ?", "this page"},
};

constexpr Entry moves[] = {
    {"p", "pause, and play on; at its end, from the beginning"},
    {".  ,", "a step on, a step back"},
    {"d", "how long a step is, 0.05 to 3600 s"},
    {"0 to 9", "jump to so many tenths of it; J asks for a second"},
    {"[  ]", "half as fast, twice as fast"},
    {"", "figures are of the step that ends at the moment shown"},
};

constexpr Entry rungs[] = {
    {"count", "what the kernel counts of itself: no probe, nothing pays for it"},
    {"aggregate", "probes on switches and wake-ups add waits, preemptors, wakers;"},
    {"", "the trust line says what each switch pays for them"},
    {"proc", "/proc alone, where eBPF can't be had: slower, with fewer columns"},
};

constexpr Entry states[] = {
    {"R  r", "on a core; ready, but waiting for one"},
    {"S  D  I", "asleep; asleep and not to be disturbed; idle kernel thread"},
    {"T  t  Z  X", "stopped; traced; ended, not waited for; ended since the last look"},
};

constexpr Entry trust[] = {
    {"lost", "records or switches that should be in the figures, and aren't"},
    {"unseeded", "threads without storage: their aggregate figures are absent"},
    {"censored", "waits that still went on when the interval ended"},
    {"self", "what this tool itself takes, % of one core"},
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
  if (!recording) append(lines, "Rungs", rungs);
  append(lines, "States", states);
  append(lines, "Columns", {});
  for (const Column& c : columns())
    if (c.place != Place::files) lines.push_back({std::string(c.heading), std::string(c.meaning)});
  lines.push_back({"-", "not known: not measured here, or no two looks yet to subtract"});
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
