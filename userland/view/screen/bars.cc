// SPDX-License-Identifier: MIT
#include "view/screen/bars.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "view/format/columns.h"
#include "view/format/number.h"

namespace timeslice::view {

namespace {

constexpr int most_bars = 16;         // beyond, cores are single characters
constexpr int least_cell = 18;        // " 3 ━━━━──  43% 12.3k"
constexpr int comfortable_cell = 36;  // with the unit and the queue
constexpr int strip_label = 10;       // "  64-127  "

int divided(int a, int b) { return (a + b - 1) / b; }

// How are the cores laid out? `lines` of bars, or strips of single characters and a summary.
struct Plan {
  bool bars = true;
  int lines = 0;     // of bars or strips
  int per_line = 1;  // bars or characters
  int per_mark = 1;  // cores that share one character
};

Plan plan(int cores, int width, int height) {
  const int most_lines = std::clamp(height / 6, 1, 6);
  if (cores <= most_bars) {
    for (const int cell : {comfortable_cell, least_cell}) {
      const int lines = divided(cores, std::max(width / cell, 1));
      if (lines <= most_lines) return {true, lines, divided(cores, std::max(lines, 1)), 1};
    }
  }
  const int room = std::max((width - strip_label) / 32 * 32, 32);
  const int per_mark = divided(cores, room * std::max(most_lines - 1, 1));
  const int marks = divided(cores, per_mark);
  return {false, divided(marks, room), std::min(room, marks), per_mark};
}

Style load_style(const model::Core& core) {
  // A queue behind the running thread means that threads wait; being busy alone is not a problem.
  return core.queue_len.value_or(0) > 1 ? Style::warn : Style::good;
}

std::string percent_text(const model::Core& core) {
  return core.busy_ratio ? fmt::format("{:>3.0f}%", *core.busy_ratio * 100) : "   -";
}

std::string switches_text(const model::Core& core, bool comfortable) {
  Scratch scratch;
  std::string text = fmt::format(
      " {:>5}", core.switches_per_s ? compact(*core.switches_per_s, Kind::rate, scratch) : "-");
  if (!comfortable) return text;
  text += " sw/s";
  text += core.queue_len ? fmt::format(" q{:<2}", *core.queue_len) : "    ";
  return text;
}

void draw_core(Canvas& canvas, int y, int x, int width, int digits, const model::Core& core) {
  const std::string label = fmt::format("{:>{}} ", core.cpu, digits);
  const std::string percent = percent_text(core);
  const std::string switches = switches_text(core, width >= comfortable_cell);
  const int bar = width - static_cast<int>(label.size() + percent.size() + switches.size()) - 1;
  x = canvas.put(y, x, label, Style::faint);
  draw_bar(canvas, y, x, bar, core.busy_ratio.value_or(0), load_style(core));
  x = canvas.put(y, x + bar + 1, percent);
  canvas.put(y, x, switches, Style::faint);
}

void draw_bars(Canvas& canvas, int y, const std::vector<model::Core>& cores, const Plan& plan) {
  const int cell = (canvas.width() + 2) / plan.per_line;
  const int digits = cores.back().cpu < 10 ? 1 : cores.back().cpu < 100 ? 2 : 3;
  for (size_t i = 0; i < cores.size(); ++i) {
    const int column = static_cast<int>(i) % plan.per_line;
    const int line = static_cast<int>(i) / plan.per_line;
    draw_core(canvas, y + line, column * cell, cell - 2, digits, cores[i]);
  }
}

// The mean of the cores from `first` on that share a mark; absent where none is known.
model::Figure mean_busy(const std::vector<model::Core>& cores, size_t first, size_t count) {
  double sum = 0;
  size_t known = 0;
  for (size_t i = first; i < std::min(first + count, cores.size()); ++i) {
    if (!cores[i].busy_ratio) continue;
    sum += *cores[i].busy_ratio;
    ++known;
  }
  return known > 0 ? model::Figure(sum / static_cast<double>(known)) : std::nullopt;
}

void draw_strip(Canvas& canvas, int y, const std::vector<model::Core>& cores, size_t first,
                const Plan& plan) {
  const auto per_mark = static_cast<size_t>(plan.per_mark);
  const size_t end = std::min(first + static_cast<size_t>(plan.per_line) * per_mark, cores.size());
  const std::string label = fmt::format("{:>4}-{:<4} ", cores[first].cpu, cores[end - 1].cpu);
  int x = canvas.put(y, 0, label, Style::faint);
  for (size_t i = first; i < end; i += per_mark) {
    const model::Figure busy = mean_busy(cores, i, per_mark);
    const auto level = busy ? static_cast<int>(std::ceil(std::clamp(*busy, 0.0, 1.0) * 8)) : 0;
    x = canvas.put(y, x, busy ? canvas.glyphs().levels[level] : "-", load_style(cores[i]));
  }
}

void draw_summary(Canvas& canvas, int y, const std::vector<model::Core>& cores) {
  model::Figure switches;
  std::optional<uint32_t> queue;
  for (const model::Core& core : cores) {
    if (core.switches_per_s) switches = switches.value_or(0) + *core.switches_per_s;
    if (core.queue_len) queue = std::max(queue.value_or(0), *core.queue_len);
  }
  const model::Figure busy = mean_busy(cores, 0, cores.size());
  Scratch scratch;
  canvas.put(
      y, 0,
      fmt::format("{}  {} busy  {} sw/s  longest queue {}", counted(cores.size(), "CPU", "CPUs"),
                  busy ? fmt::format("{:.0f}%", *busy * 100) : "-",
                  switches ? compact(*switches, Kind::rate, scratch) : "-",
                  queue ? fmt::format("{}", *queue) : "-"));
}

}  // namespace

void draw_bar(Canvas& canvas, int y, int x, int width, double ratio, Style style) {
  if (width <= 0) return;
  const GlyphSet& glyphs = canvas.glyphs();
  const bool halves = *glyphs.bar_half != 0;
  const auto filled =
      static_cast<int>(std::lround(std::clamp(ratio, 0.0, 1.0) * width * (halves ? 2 : 1)));
  std::string full, rest;
  for (int i = 0; i < (halves ? filled / 2 : filled); ++i) full += glyphs.bar;
  if (halves && filled % 2 != 0) full += glyphs.bar_half;
  for (int i = halves ? (filled + 1) / 2 : filled; i < width; ++i) rest += glyphs.bar_rest;
  x = canvas.put(y, x, full, style);
  canvas.put(y, x, rest, Style::faint);
}

int core_lines(const std::vector<model::Core>& cores, int width, int height) {
  if (cores.empty()) return 0;
  const Plan p = plan(static_cast<int>(cores.size()), width, height);
  return p.bars ? p.lines : p.lines + 1;
}

void draw_cores(Canvas& canvas, int y, const std::vector<model::Core>& cores) {
  if (cores.empty()) return;
  const Plan p = plan(static_cast<int>(cores.size()), canvas.width(), canvas.height());
  if (p.bars) return draw_bars(canvas, y, cores, p);
  const auto per_strip = static_cast<size_t>(p.per_line) * static_cast<size_t>(p.per_mark);
  for (size_t first = 0; first < cores.size(); first += per_strip)
    draw_strip(canvas, y++, cores, first, p);
  draw_summary(canvas, y, cores);
}

}  // namespace timeslice::view
