// SPDX-License-Identifier: MIT
#include "view/screen/draw.h"

#include <fmt/format.h>

#include <algorithm>

#include "view/format/columns.h"
#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/format/trust_line.h"
#include "view/screen/bars.h"
#include "view/screen/details.h"
#include "view/screen/help.h"
#include "view/screen/last_line.h"
#include "view/screen/layout.h"

namespace timeslice::view {

namespace {

using Focus = Controls::Focus;

// The list keeps this much when the details open below it; on a small screen they cover it.
constexpr int least_list = 8;

std::string_view mode_text(const model::Frame& frame) {
  if (frame.source == "kmod") return "kernel module";
  if (frame.mode == Mode::count) return "count mode, no probes";
  if (frame.mode == Mode::aggregate) return "aggregate mode, probes on";
  return "proc mode, no eBPF";
}

std::string recording_text(const TimeBar& bar) {
  return bar.began.empty() ? "a recording" : "recorded " + bar.began;
}

void draw_title(Canvas& canvas, const model::Frame* frame, const Controls& controls,
                std::string_view clock) {
  int x = canvas.put(0, 0, "timeslice top", Style::strong);
  const std::string what = controls.bar       ? recording_text(*controls.bar)
                           : frame != nullptr ? std::string(mode_text(*frame))
                                              : "";
  if (!what.empty()) x = canvas.put(0, x + 2, what, Style::accent);
  x = canvas.put(0, x + 2,
                 fmt::format("{} {} s", controls.bar ? "step" : "every", controls.delay_s),
                 Style::faint);
  if (controls.paused && !controls.bar) x = canvas.put(0, x + 2, "PAUSED", Style::heading);
  size_t processes = 0;
  if (frame != nullptr)
    for (const model::Process* p : frame->processes) processes += !p->ended;
  const std::string right =
      frame == nullptr ? std::string(clock)
                       : fmt::format("{} proc  {} thr  {}", processes, frame->thread_count, clock);
  if (x + 2 + static_cast<int>(right.size()) <= canvas.width())
    canvas.put_right(0, canvas.width(), right);
  else
    canvas.put_right(0, canvas.width(), clock);
}

void draw_headings(Canvas& canvas, int y, const Layout& layout, const Order& order) {
  const GlyphSet& glyphs = canvas.glyphs();
  int x = 0;
  for (const PlacedColumn& p : layout.columns) {
    const bool sorted = p.column == order.column;
    const std::string_view mark = order.descending() ? glyphs.descending : glyphs.ascending;
    const auto size = static_cast<int>(p.column->heading.size());
    const bool left = p.column->kind == Kind::text;
    // The mark stands in the gap between columns, so that no heading has to be shorter for it.
    const int start = left ? p.x : p.x + std::max(p.width - size, 0);
    const int mark_x = left ? start + size : start - 1;
    canvas.fill(y, x, sorted && !left ? mark_x : start, Style::heading);
    if (sorted && !left) canvas.put(y, mark_x, mark, Style::sorted);
    x = canvas.put(y, start, p.column->heading, sorted ? Style::sorted : Style::heading, p.width);
    if (sorted && left) x = canvas.put(y, x, mark, Style::sorted);
  }
  const std::string turn =
      layout.pages > 1 ? fmt::format("{}/{}>", layout.page + 1, layout.pages) : "";
  const int turn_x = canvas.width() - static_cast<int>(turn.size());
  const bool fits = x <= turn_x;
  canvas.fill(y, x, fits ? turn_x : canvas.width(), Style::heading);
  if (fits) canvas.put(y, turn_x, turn, Style::sorted);
}

Style state_style(std::string_view state) {
  switch (state.empty() ? ' ' : state[0]) {
    case 'R':
      return Style::good;
    case 'r':
      return Style::warn;
    case 'D':
    case 'Z':
      return Style::bad;
    default:
      return Style::faint;
  }
}

// What stands by itself bears its process's name where the role would only say that it's the first
// thread, or the only one: of which process, nothing else on a narrow screen says.
bool bears_process_name(const Column& c, const Row& row) {
  if (c.id != ColumnId::name || row.indented || row.thread == nullptr) return false;
  return row.process->is_one_thread() || row.thread->row.tid == row.process->tgid;
}

Style cell_style(const Column& c, const Row& row, std::string_view text) {
  if (row.ended_sum)
    return c.id == ColumnId::name || c.id == ColumnId::comm ? Style::faint : Style::normal;
  if (row.thread != nullptr && row.thread->ended) return Style::faint;
  if (c.id == ColumnId::state) return state_style(text);
  // What is 0 or unknown steps back, so that the eye finds what is not. (Core 0 is a core.)
  if (text == "-" || (text == "0" && c.kind != Kind::whole)) return Style::faint;
  if (row.thread == nullptr || bears_process_name(c, row)) return Style::strong;
  const bool named = c.id == ColumnId::name || c.id == ColumnId::role;
  if (named) {
    // What we found out is set apart from what the thread calls itself.
    const std::string& role = row.thread->role.name;
    if (role != "thread" && role != "kernel") return Style::accent;
    if (c.id == ColumnId::role) return Style::faint;
  }
  if (c.id == ColumnId::name || c.id == ColumnId::comm)
    return row.indented ? Style::normal : Style::strong;
  if (c.id == ColumnId::sleeps_in) return Style::faint;
  return Style::normal;
}

// What threads did that ended, of the figures that a process has of them. (In the flat list the
// line stands for those of all processes.)
std::string_view ended_cell(const Column& c, const Row& row, Scratch& scratch) {
  const model::Process& p = *row.process;
  const auto written = [&](const model::Figure& figure) {
    return figure ? compact(*figure, c.kind, scratch) : std::string_view("-");
  };
  if (c.id == ColumnId::name || c.id == ColumnId::comm) {
    if (row.ended_hidden == 0) return "(ended)";
    const auto end =
        fmt::format_to_n(scratch.text, sizeof scratch.text, "({} more ended)", row.ended_hidden);
    return {scratch.text, end.size};
  }
  if (!row.indented) return {};
  if (c.id == ColumnId::cpu_pct) return written(p.ended_cpu_pct);
  if (c.id == ColumnId::nvcsw_per_s) return written(p.ended_nvcsw_per_s);
  if (c.id == ColumnId::nivcsw_per_s) return written(p.ended_nivcsw_per_s);
  return {};
}

std::string_view row_cell(const Column& c, const Row& row, Scratch& scratch) {
  if (row.ended_sum) return ended_cell(c, row, scratch);
  if (row.thread == nullptr || bears_process_name(c, row)) return cell(c, *row.process, scratch);
  // Of a process with a single row, the process's own columns are shown too.
  if (c.id == ColumnId::threads) return row.indented ? "" : cell(c, *row.process, scratch);
  return cell(c, *row.thread, scratch);
}

// A text that doesn't fit ends in a mark that says so.
void draw_text(Canvas& canvas, int y, const PlacedColumn& p, std::string_view text, Style style) {
  if (static_cast<int>(display_width(text)) <= p.width) {
    canvas.put(y, p.x, text, style, p.width);
    return;
  }
  const std::string_view more = canvas.glyphs().more;
  const int room = p.width - static_cast<int>(display_width(more));
  const int x = canvas.put(y, p.x, text, style, std::max(room, 0));
  canvas.put(y, x, more, style);
}

// In the tree, threads stand a little to the right of their process.
PlacedColumn indented(PlacedColumn p) {
  ++p.x;
  --p.width;
  return p;
}

void draw_row(Canvas& canvas, int y, const Layout& layout, const Row& row) {
  const GlyphSet& glyphs = canvas.glyphs();
  const bool ended =
      row.thread != nullptr ? row.thread->ended : row.process->ended || row.ended_sum;
  if (ended)
    canvas.put(y, 0, "x", Style::bad);
  else if (row.foldable)
    canvas.put(y, 0, row.folded ? glyphs.folded : glyphs.unfolded, Style::faint);
  Scratch scratch;
  for (const PlacedColumn& p : layout.columns) {
    const std::string_view text = row_cell(*p.column, row, scratch);
    const Style style = cell_style(*p.column, row, text);
    const bool name = p.column->id == ColumnId::name || p.column->id == ColumnId::comm;
    if (p.column->kind == Kind::text)
      draw_text(canvas, y, name && row.indented ? indented(p) : p, text, style);
    else
      canvas.put_right(y, p.x + p.width, text, style);
  }
}

// The selected row is drawn in one style, gaps and all.
void draw_selected_row(Canvas& canvas, int y, const Layout& layout, const Row& row) {
  Canvas line(canvas.width(), 1, canvas.glyphs().ascii);
  draw_row(line, 0, layout, row);
  const int x = canvas.put(y, 0, line.plain(0), Style::selected);
  canvas.fill(y, x, canvas.width(), Style::selected);
}

void draw_list(Canvas& canvas, int y, int height, const model::Frame& frame, Controls& controls) {
  if (height < 2) return;
  ListState& list = controls.list;
  const Layout layout = lay_out(canvas.width(), controls.column_page, list, frame);
  controls.column_page = layout.page;
  draw_headings(canvas, y, layout, list.order);
  list.set_height(static_cast<size_t>(height - 1));
  const std::vector<Row>& rows = list.rows();
  if (rows.empty() && !list.filter.empty())
    canvas.put(y + 2, 1, "No thread's comm or role matches the filter; Esc clears it.");
  else if (frame.processes.empty())
    canvas.put(y + 2, 1, nobody_matches);
  const size_t end = std::min(rows.size(), list.top() + static_cast<size_t>(height - 1));
  for (size_t i = list.top(); i < end; ++i) {
    ++y;
    if (i == list.selected())
      draw_selected_row(canvas, y, layout, rows[i]);
    else
      draw_row(canvas, y, layout, rows[i]);
  }
}

void draw_body(Canvas& canvas, int y, int height, const model::Frame& frame, Controls& controls) {
  if (controls.focus == Focus::help) {
    controls.help_top =
        draw_help(canvas, y + 1, height - 1, controls.help_top, controls.bar.has_value());
    return;
  }
  const Row* row = controls.list.selected_row();
  if (!controls.details || row == nullptr) return draw_list(canvas, y, height, frame, controls);
  const int list_height = height - details_lines;
  if (list_height < least_list) return draw_details(canvas, y, height, *row, frame);
  draw_list(canvas, y, list_height, frame, controls);
  draw_details(canvas, y + list_height, details_lines, *row, frame);
}

void draw_trust(Canvas& canvas, int y, const model::Frame& frame) {
  std::string line = trust_in_brief(frame);
  const std::string lost = lost_columns(frame);
  if (!lost.empty()) line += "; n/a: " + lost;
  canvas.put(y, 0, line, anything_lost(frame.trust) ? Style::bad : Style::faint);
}

void draw_too_small(Canvas& canvas) {
  const std::string sentence =
      fmt::format("timeslice top needs {}x{}, and this is {}x{}: enlarge it, or press q to quit",
                  least_width, least_height, canvas.width(), canvas.height());
  int y = 0;
  for (const std::string& line :
       wrapped(sentence, static_cast<size_t>(std::max(canvas.width(), 1))))
    canvas.put(y++, 0, line);
}

}  // namespace

void draw_page(Canvas& canvas, const model::Frame* frame, Controls& controls,
               std::string_view clock) {
  const int width = canvas.width(), height = canvas.height();
  if (width < least_width || height < least_height) return draw_too_small(canvas);
  draw_title(canvas, frame, controls, clock);
  if (frame == nullptr) {
    canvas.put(2, 0, "Taking the first sample ...", Style::faint);
  } else {
    int y = 1;
    if (controls.bar) draw_time_bar(canvas, y++, *controls.bar, controls.paused, controls.speed);
    draw_cores(canvas, y, frame->cores);
    y += core_lines(frame->cores, width, height);
    draw_body(canvas, y, height - y - 2, *frame, controls);
    draw_trust(canvas, height - 2, *frame);
  }
  draw_last_line(canvas, frame, controls);
}

}  // namespace timeslice::view
