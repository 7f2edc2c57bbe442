// SPDX-License-Identifier: MIT
#include "view/format/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "view/format/number.h"
#include "view/format/printable.h"

namespace timeslice::view {

namespace {

bool in_csv(const Column& c) { return c.place != Place::screen; }

// Figures go in unrounded and texts whole: a spreadsheet isn't 80 columns wide.
void append_value(std::string& out, const Column& c, const model::Thread& thread) {
  if (c.of_thread != nullptr) {
    if (const model::Figure figure = c.of_thread(thread)) append_exact(out, *figure);
    return;
  }
  Scratch scratch;
  append_csv_field(out, c.text_of_thread(thread, scratch));
}

}  // namespace

void append_csv_field(std::string& out, std::string_view text) {
  std::string field;
  if (!text.empty() && std::string_view("=+-@").find(text[0]) != std::string_view::npos)
    field += '\'';
  append_printable(field, text);
  if (field.find_first_of(",\"") == std::string::npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

void append_csv_header(std::string& out) {
  out += "time_ns";
  for (const Column& c : columns()) {
    if (!in_csv(c)) continue;
    out += ',';
    out += c.name;
  }
  out += "\n";
}

void append_csv(std::string& out, const model::Frame& frame, const Order& order) {
  std::vector<const model::Thread*> threads = frame.threads;
  Sorter().sort(threads, order);
  const fmt::format_int time(frame.time_ns);
  for (const model::Thread* thread : threads) {
    out.append(time.data(), time.size());
    for (const Column& c : columns()) {
      if (!in_csv(c)) continue;
      out += ',';
      append_value(out, c, *thread);
    }
    out += "\n";
  }
}

}  // namespace timeslice::view
