// SPDX-License-Identifier: MIT
#include "view/screen/details.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "view/format/code_place.h"
#include "view/format/columns.h"
#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/screen/histogram.h"

namespace timeslice::view {

namespace {

using model::Figure;
using model::Process;
using model::Thread;
using model::TopPeer;

// A part of the canvas that is filled line by line.
struct Area {
  Canvas& canvas;
  int y, x, width, end;

  [[nodiscard]] bool full() const { return y >= end; }

  void line(std::string_view text, Style style = Style::normal) {
    if (!full()) canvas.put(y, x, text, style, width);
    ++y;
  }

  void labelled(std::string_view label, std::string_view text, Style style = Style::normal) {
    if (!full()) {
      canvas.put(y, x, label, Style::faint, width);
      canvas.put(y, x + 10, text, style, width - 10);
    }
    ++y;
  }
};

std::string figure_text(const Figure& figure, Kind kind, std::string_view unit = "") {
  if (!figure) return "-";
  Scratch scratch;
  return fmt::format("{}{}", compact(*figure, kind, scratch), unit);
}

std::string total_text(const Thread& t, uint32_t group, uint64_t count) {
  return t.has(group) ? grouped(count) : "-";
}

std::string time_text(const Thread& t, uint32_t group, uint64_t ns) {
  return t.has(group) ? duration(static_cast<double>(ns)) : "-";
}

std::string state_text(const Thread& t) {
  if (t.ended) return "ended since the previous refresh";
  Scratch scratch;
  const std::string_view letter = cell(column(ColumnId::state), t, scratch);
  const std::string asleep = t.sleeps_in.empty() ? "" : " in " + t.sleeps_in;
  switch (letter[0]) {
    case 'R':
      return t.has(TS_HAVE_ON_CPU) ? "R  running" : "R  running or runnable";
    case 'r':
      return t.has(TS_HAVE_PENDING)
                 ? "r  runnable, has waited " + time_text(t, TS_HAVE_PENDING, t.row.pending_wait_ns)
                 : "r  runnable, waiting for a CPU";
    case 'S':
      return "S  sleeping" + asleep;
    case 'D':
      return "D  uninterruptible sleep" + asleep;
    case 'I':
      return "I  idle kernel thread";
    case 'T':
    case 't':
      return fmt::format("{}  stopped", letter);
    case 'Z':
      return "Z  zombie: ended, not yet reaped";
    default:
      return std::string(letter);
  }
}

std::string role_text(const model::Role& role) {
  if (role.name == "thread" || role.evidence.empty()) return role.name;
  return fmt::format("{}, {:.0f}% confidence: {}", role.name, role.confidence * 100, role.evidence);
}

std::string loop_text(const model::WatchedLoop& loop) {
  const model::LoopFigures& figures = loop.figures;
  std::string text;
  if (const auto turns = figures.turns_per_s()) text = fmt::format("{:.0f} turns/s  ", *turns);
  text += fmt::format("active {:.1f}%", figures.utilisation() * 100);
  if (const auto gc = loop.activity.gc_ratio()) text += fmt::format("  gc {:.0f}%", *gc * 100);
  if (figures.longest_turn_ns)
    text += "  longest turn " + duration(static_cast<double>(figures.longest_turn_ns));
  return text;
}

// Of the blocks since the refresh before: how long, and the function that most samples name.
std::string blocks_text(const model::LoopFigures& figures) {
  uint64_t blocked_ns = 0;
  for (const model::LoopBlock& block : figures.blocks) blocked_ns += block.duration_ns;
  std::string text = duration(static_cast<double>(blocked_ns));
  if (figures.blocks.size() > 1) text += fmt::format(" in {} turns", figures.blocks.size());
  if (const auto function = figures.blocks_profile().function()) {
    text += " by ";
    append_place(text, *function);
  }
  return text;
}

void draw_loop(Area& area, const model::WatchedLoop* loop) {
  if (!loop) return;
  area.labelled("loop", loop_text(*loop));
  if (!loop->figures.blocks.empty())
    area.labelled("blocked", blocks_text(loop->figures), Style::bad);
}

void draw_pool(Area& area, const model::WatchedPool* pool) {
  if (!pool) return;
  const model::PoolFigures& figures = pool->figures;
  std::string text = fmt::format("{} threads, {:.1f} busy", figures.threads, figures.busy);
  if (figures.queued)
    text += fmt::format(", {} jobs wait", *figures.queued + figures.slow.value_or(0));
  area.labelled("pool", text);
}

void draw_identity(Area& area, const Thread& t) {
  Scratch scratch;
  area.labelled("role", role_text(t.role), Style::strong);
  area.labelled("state", state_text(t));
  area.labelled("CPU", fmt::format("{}   priority {}   policy {}   nice {}", t.row.cpu, t.row.prio,
                                   cell(column(ColumnId::policy), t, scratch), t.row.nice));
  draw_loop(area, t.loop);
  ++area.y;
}

void draw_figures_heading(Area& area) {
  area.line(fmt::format("{:<14}{:>12}{:>12}", "", "total", "per s"), Style::faint);
}

void draw_figure(Area& area, std::string_view label, std::string_view total,
                 std::string_view rate) {
  if (!area.full()) {
    area.canvas.put(area.y, area.x, label, Style::faint, 14);
    area.canvas.put(area.y, area.x + 14, fmt::format("{:>12}{:>12}", total, rate), Style::normal,
                    area.width - 14);
  }
  ++area.y;
}

void draw_figures(Area& area, const Thread& t) {
  const ts_thread_row& row = t.row;
  draw_figures_heading(area);
  draw_figure(area, "voluntary", total_text(t, TS_HAVE_SWITCHES, row.nvcsw),
              figure_text(t.nvcsw_per_s, Kind::rate));
  draw_figure(area, "involuntary", total_text(t, TS_HAVE_SWITCHES, row.nivcsw),
              figure_text(t.nivcsw_per_s, Kind::rate));
  draw_figure(area, "on CPU", time_text(t, TS_HAVE_CPU, row.cpu_ns),
              figure_text(t.cpu_pct, Kind::percent, "%"));
  draw_figure(area, "run-queue wait", time_text(t, TS_HAVE_WAIT, row.run_delay_ns),
              figure_text(t.wait_ms_per_s, Kind::fine, " ms"));
  const bool waited = t.has(TS_HAVE_WAIT) && row.slices > 0;
  draw_figure(
      area, "mean wait",
      waited ? duration(static_cast<double>(row.run_delay_ns) / static_cast<double>(row.slices))
             : "-",
      "");
  draw_figure(area, "migrations", total_text(t, TS_HAVE_MIGRATIONS, row.migrations),
              figure_text(t.migrations_per_s, Kind::rate));
}

const char* context_text(uint32_t context) {
  switch (context) {
    case TS_CONTEXT_TASK:
      return "thread";
    case TS_CONTEXT_SOFTIRQ:
      return "softirq";
    case TS_CONTEXT_HARDIRQ:
      return "hardirq";
    default:
      return "";
  }
}

void draw_peers(Area area, std::string_view heading, const std::vector<TopPeer>& peers) {
  area.line(heading, Style::faint);
  if (peers.empty()) area.line("  none yet");
  for (const TopPeer& peer : peers) {
    Scratch scratch;
    const std::string_view name = printable(peer.name, scratch);
    const std::string who =
        peer.tid != 0 ? fmt::format("{}:{}", name, peer.tid) : std::string(name);
    const std::string_view context = context_text(peer.context);
    // An interrupt that has a thread's name hit that thread, which then is not who did it.
    const bool odd = peer.context != TS_CONTEXT_TASK && !context.empty() && context != name;
    area.line(fmt::format("{:>3.0f}%  {}{}{}", peer.share * 100, who, odd ? " in " : "",
                          odd ? context : ""));
  }
}

std::string wakers_heading(const model::SchedFigures& sched) {
  uint64_t all = 0;
  for (const uint64_t n : sched.wakeups) all += n;
  std::string heading = "woken by";
  if (all == 0) return heading;
  for (const uint32_t context : {TS_CONTEXT_TASK, TS_CONTEXT_SOFTIRQ, TS_CONTEXT_HARDIRQ}) {
    const double share = static_cast<double>(sched.wakeups[context]) / static_cast<double>(all);
    if (share >= 0.005) heading += fmt::format("  {} {:.0f}%", context_text(context), share * 100);
  }
  return heading;
}

void draw_waits(Area area, const model::SchedFigures& sched) {
  const double waits = static_cast<double>(sched.waits);
  const std::string mean =
      sched.waits > 0 ? duration(static_cast<double>(sched.wait_sum_ns) / waits) : "-";
  const auto of_us = [](const Figure& us) { return us ? duration(*us * 1000) : std::string("-"); };
  area.line(fmt::format("{} in {:.0f} s, by length", counted(sched.waits, "wait", "waits"),
                        sched.seconds),
            Style::faint);
  const int drawn = draw_histogram(area.canvas, area.y, area.x, area.width,
                                   std::max(area.end - area.y - 1, 0), sched.wait_hist);
  area.y += drawn;
  area.line(fmt::format("p99 {}  max {}  mean {}", of_us(sched.wait_p99_us),
                        of_us(sched.wait_max_us), mean));
}

void draw_aggregate(Area waits, Area peers_left, Area peers_right, const Thread& t,
                    const model::Frame& frame) {
  if (t.sched) {
    draw_waits(waits, *t.sched);
    draw_peers(peers_left, "preempted by", t.sched->preemptors);
    draw_peers(peers_right, wakers_heading(*t.sched), t.sched->wakers);
  } else if (frame.mode == Mode::aggregate) {
    waits.line("The probes have not seen this thread yet:");
    waits.line("no waits, preemptors or wakers.");
  } else {
    waits.canvas.put(waits.y, waits.x, "a", Style::strong);
    waits.x += 2;
    waits.line("switches to aggregate mode, which");
    waits.line("shows the distribution of its waits,");
    waits.line("what preempts it, and what wakes it.");
  }
}

void draw_thread(Area whole, const Thread& t, const model::Frame& frame) {
  constexpr int peer_lines = TS_PEERS + 1;
  draw_identity(whole, t);
  const int half = std::clamp(whole.width / 2, 40, 52);
  const int right_x = whole.x + half;
  const int right_width = std::min(whole.width - half, 60);
  // The waits get what the figures beside them need, and more where there is more.
  const int split = std::max(whole.end - peer_lines, std::min(whole.y + 8, whole.end));
  Area left{whole.canvas, whole.y, whole.x, half - 2, split};
  draw_figures(left, t);
  draw_aggregate({whole.canvas, whole.y, right_x, right_width, split - 1},
                 {whole.canvas, split, whole.x, half - 2, whole.end},
                 {whole.canvas, split, right_x, right_width, whole.end}, t, frame);
}

struct RoleSum {
  size_t threads = 0;
  Figure cpu_pct;
};

// Which roles do its threads have, and what does each role cost?
void draw_roles(Area area, const Process& p) {
  std::map<std::string_view, RoleSum> roles;
  for (const Thread* t : p.threads) {
    if (t->ended) continue;
    RoleSum& sum = roles[t->role.name];
    ++sum.threads;
    if (t->cpu_pct) sum.cpu_pct = sum.cpu_pct.value_or(0) + *t->cpu_pct;
  }
  area.line(fmt::format("{:>7}  {:<18}{:>8}", "threads", "role", "%CPU"), Style::faint);
  for (const auto& [name, sum] : roles)
    area.line(fmt::format("{:>7}  {:<18}{:>8}", sum.threads, name,
                          figure_text(sum.cpu_pct, Kind::percent)));
}

void draw_process(Area whole, const Process& p) {
  draw_loop(whole, p.loop);
  draw_pool(whole, p.pool);
  const int half = std::clamp(whole.width / 2, 40, 52);
  const auto total = [](const std::optional<uint64_t>& n) { return n ? grouped(*n) : "-"; };
  Area left{whole.canvas, whole.y, whole.x, half - 2, whole.end};
  left.labelled("runtime", p.runtime.empty() ? "-" : p.runtime, Style::strong);
  left.labelled("threads", grouped(p.thread_count));
  ++left.y;
  draw_figures_heading(left);
  draw_figure(left, "voluntary", total(p.nvcsw), figure_text(p.nvcsw_per_s, Kind::rate));
  draw_figure(left, "involuntary", total(p.nivcsw), figure_text(p.nivcsw_per_s, Kind::rate));
  draw_figure(left, "on CPU", "", figure_text(p.cpu_pct, Kind::percent, "%"));
  draw_figure(left, "run-queue wait", "", figure_text(p.wait_ms_per_s, Kind::fine, " ms"));
  draw_figure(left, "migrations", "", figure_text(p.migrations_per_s, Kind::rate));
  draw_roles({whole.canvas, whole.y, whole.x + half, whole.width - half, whole.end}, p);
}

void draw_title(Canvas& canvas, int y, const Row& row) {
  Scratch scratch;
  const std::string_view process = printable(row.process->comm, scratch);
  std::string title = fmt::format(" {} {} ", process, row.process->tgid);
  if (row.thread != nullptr) {
    const std::string_view comm = cell(column(ColumnId::comm), *row.thread, scratch);
    title += fmt::format("{} thread {} {} ", canvas.glyphs().folded, comm, row.thread->row.tid);
  }
  const std::string_view hint = " Enter closes ";
  std::string rule;
  const int hint_x = canvas.width() - static_cast<int>(hint.size()) - 2;
  int x = canvas.put(y, 0, canvas.glyphs().rule, Style::faint);
  x = canvas.put(y, x, title, Style::strong);
  for (int i = x; i < hint_x; ++i) rule += canvas.glyphs().rule;
  x = canvas.put(y, x, rule, Style::faint);
  x = canvas.put(y, x, hint, Style::faint);
  for (; x < canvas.width(); ++x) canvas.put(y, x, canvas.glyphs().rule, Style::faint);
}

}  // namespace

void draw_details(Canvas& canvas, int y, int height, const Row& row, const model::Frame& frame) {
  if (height < 2) return;
  draw_title(canvas, y, row);
  const Area inside{canvas, y + 1, 1, canvas.width() - 2, y + height};
  if (row.thread != nullptr)
    draw_thread(inside, *row.thread, frame);
  else
    draw_process(inside, *row.process);
}

}  // namespace timeslice::view
