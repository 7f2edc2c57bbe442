// SPDX-License-Identifier: MIT
#include "view/format/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/format/trust_line.h"

namespace timeslice::view {

namespace {

std::string_view or_dash(const model::Figure& figure, Kind kind, Scratch& scratch) {
  return figure ? compact(*figure, kind, scratch) : "-";
}

// One line of a table, put together in place. Ten thousand of them are asked for at once, so what
// is short is copied and padded by stores of a fixed width: a store is cheaper than a call.
class Line {
 public:
  template <typename Row>
  void add(const Column& c, const Row& row, bool last) {
    add_text(c, cell(c, row, scratch_), last);
  }

  // Numbers are aligned right, texts left; the last of a line is neither clipped nor padded.
  void add_text(const Column& c, std::string_view text, bool last) {
    text_[used_] = ' ';
    used_ += used_ > 0;
    const auto room = static_cast<size_t>(c.most_width);
    if (c.kind != Kind::text) {
      if (text.size() < room) pad(room - text.size());
      return put(text);
    }
    if (last) return put(text.substr(0, longest));
    text = clipped(text, room);
    put(text);
    const size_t width = display_width(text);
    if (width < room) pad(room - width);
  }

  void end(std::string& out) {
    text_[used_++] = '\n';
    out.append(text_, used_);
    used_ = 0;
  }

 private:
  static constexpr size_t longest = 256;  // of any cell; there are fewer than 32
  static constexpr size_t chunk = 8;
  static constexpr size_t most_padding = 32;

  void put(std::string_view text) {
    // Behind a short number lie bytes of our own, which the next cell overwrites.
    if (text.data() == scratch_.text && text.size() <= chunk)
      std::memcpy(text_ + used_, text.data(), chunk);
    else
      std::memcpy(text_ + used_, text.data(), text.size());
    used_ += text.size();
  }

  void pad(size_t width) {
    std::memset(text_ + used_, ' ', most_padding);
    used_ += std::min(width, most_padding);
  }

  Scratch scratch_{};
  char text_[32 * longest];
  size_t used_ = 0;
};

template <typename Heading>
void append_headings(std::string& out, const ColumnList& list, Heading heading_of) {
  Line line;
  for (const Column* c : list) line.add_text(*c, heading_of(*c), c == list.back());
  line.end(out);
}

template <typename Row>
void append_row(std::string& out, Line& line, const ColumnList& list, const Row& row) {
  for (const Column* c : list) line.add(*c, row, c == list.back());
  line.end(out);
}

void append_header(std::string& out, const model::Frame& frame, const TextOptions& options,
                   size_t processes, size_t threads) {
  auto to = std::back_inserter(out);
  out += "timeslice top";
  if (!options.clock.empty()) fmt::format_to(to, "  {}", options.clock);
  if (frame.interval_s)
    fmt::format_to(to, "  over {:.3f} s", *frame.interval_s);
  else
    out += "  first sample: no rates yet";
  fmt::format_to(to, "  source {}  mode {}\n", frame.source, name_of(frame.mode));
  const std::string lost = lost_columns(frame);
  if (!lost.empty()) fmt::format_to(to, "not available in this mode: {}\n", lost);
  fmt::format_to(to, "{}, {}, by {}{}\n", counted(processes, "process", "processes"),
                 counted(threads, "thread", "threads"), options.order.column->heading,
                 options.order.reversed ? ", reversed" : "");
}

void append_cores(std::string& out, const model::Frame& frame) {
  Scratch busy, switches;
  for (const model::Core& core : frame.cores) {
    const model::Figure pct =
        core.busy_ratio ? model::Figure(*core.busy_ratio * 100) : std::nullopt;
    fmt::format_to(std::back_inserter(out), "CPU {:>3}  busy {:>5}%  switches/s {:>5}  queue ",
                   core.cpu, or_dash(pct, Kind::percent, busy),
                   or_dash(core.switches_per_s, Kind::rate, switches));
    out += core.queue_len ? fmt::format_int(*core.queue_len).str() : "-";
    out += '\n';
  }
}

bool in_process_table(const Column& c) {
  return c.place != Place::files && c.id != ColumnId::tid && c.id != ColumnId::name &&
         (c.of_process != nullptr || c.text_of_process != nullptr);
}

void append_processes(std::string& out, const model::Frame& frame,
                      const std::vector<const model::Process*>& processes) {
  ColumnList list;
  for (const Column& c : columns())
    if (in_process_table(c) && measured(c, frame)) list.push_back(&c);
  append_headings(out, list, [](const Column& c) {
    return c.id == ColumnId::role ? std::string_view("RUNTIME") : c.heading;
  });
  Line line;
  for (const model::Process* p : processes) append_row(out, line, list, *p);
}

ColumnList thread_columns(const model::Frame& frame) {
  ColumnList list;
  for (const Column& c : columns())
    if (c.place == Place::everywhere && measured(c, frame)) list.push_back(&c);
  return list;
}

}  // namespace

// Most threads sleep most of the time: their lines are those of the refresh before.
void TextWriter::write_lines(const ColumnList& list) {
  if (list != list_) lines_.clear();
  list_ = list;
  old_texts_.swap(texts_);
  texts_.clear();
  lines_.resize(threads_.size());
  Line line;
  for (size_t i = 0; i < threads_.size(); ++i) {
    const model::Thread& t = *threads_[i];
    const ThreadLine old = lines_[i];
    lines_[i] = {&t, t.changed_at, static_cast<uint32_t>(texts_.size()), 0};
    if (old.thread == &t && old.changed_at == t.changed_at && t.changed_at != 0)
      texts_.append(old_texts_, old.start, old.length);
    else
      append_row(texts_, line, list, t);
    lines_[i].length = static_cast<uint32_t>(texts_.size()) - lines_[i].start;
  }
}

// Lines that follow each other in both orders are copied together.
void TextWriter::append_sorted(std::string& out, const std::vector<uint32_t>& sorted) const {
  for (size_t i = 0; i < sorted.size();) {
    const ThreadLine& first = lines_[sorted[i]];
    size_t length = first.length;
    while (++i < sorted.size() && sorted[i] == sorted[i - 1] + 1)
      length += lines_[sorted[i]].length;
    out.append(texts_, first.start, length);
  }
}

void TextWriter::append(std::string& out, const model::Frame& frame, const TextOptions& options) {
  processes_.clear();
  threads_.clear();
  size_t living_processes = 0, living_threads = 0;
  for (const model::Process* p : frame.processes) {
    if (p->kernel && !options.kernel_threads) continue;
    processes_.push_back(p);
    living_processes += !p->ended;
    living_threads += p->thread_count;
  }
  for (const model::Thread* t : frame.threads)
    if (options.kernel_threads || t->process == nullptr || !t->process->kernel)
      threads_.push_back(t);
  sorter_.sort(processes_, options.order);
  const ColumnList list = thread_columns(frame);
  write_lines(list);
  append_header(out, frame, options, living_processes, living_threads);
  append_cores(out, frame);
  out += '\n';
  if (frame.processes.empty()) {
    out += nobody_matches;
    out += '\n';
  } else {
    append_processes(out, frame, processes_);
    out += '\n';
    append_headings(out, list, [](const Column& c) { return c.heading; });
    append_sorted(out, sorter_.sorted(threads_, options.order));
  }
  out += '\n';
  out += trust_in_full(frame);
  out += '\n';
}

}  // namespace timeslice::view
