// SPDX-License-Identifier: MIT
#include "view/screen/last_line.h"

#include <initializer_list>

#include "view/format/printable.h"

namespace timeslice::view {

namespace {

using Focus = Controls::Focus;

struct Hint {
  std::string_view key, does;
};

void draw_hints(Canvas& canvas, int y, std::initializer_list<Hint> hints) {
  int x = 0;
  for (const Hint& hint : hints) {
    const auto width = static_cast<int>(hint.key.size() + hint.does.size()) + 1;
    if (x + width > canvas.width()) return;
    x = canvas.put(y, x, hint.key, Style::strong);
    x = canvas.put(y, x + 1, hint.does, Style::faint) + 2;
  }
}

void draw_list_hints(Canvas& canvas, int y, const model::Frame* frame, const Controls& controls) {
  const ListState& list = controls.list;
  const bool probes = frame != nullptr && frame->mode == Mode::aggregate;
  if (!list.filter.empty()) {
    const int x = canvas.put(y, 0, "filter: " + list.filter, Style::warn);
    canvas.put(y, x + 2, "Esc clears it", Style::faint);
    return;
  }
  if (controls.bar)
    return draw_hints(canvas, y,
                      {{"q", "quit"},
                       {"h", "help"},
                       {"p", controls.paused ? "play" : "pause"},
                       {". ,", "step"},
                       {"0-9 J", "jump"},
                       {"[ ]", "speed"},
                       {"Enter", "details"},
                       {"/", "filter"},
                       {"s", "sort"},
                       {"t", list.tree ? "flat" : "tree"},
                       {"Space", "fold"},
                       {"K", "kernel"},
                       {"d", "step length"}});
  draw_hints(canvas, y,
             {{"q", "quit"},
              {"h", "help"},
              {"a", probes ? "probes off" : "probes on"},
              {"Enter", "details"},
              {"/", "filter"},
              {"s", "sort"},
              {"t", list.tree ? "flat" : "tree"},
              {"p", controls.paused ? "resume" : "pause"},
              {"Space", "fold"},
              {"K", "kernel"},
              {"d", "delay"}});
}

void draw_question_or_hints(Canvas& canvas, int y, const model::Frame* frame,
                            const Controls& controls) {
  const auto ask = [&](std::string_view question) {
    const int x = canvas.put(y, 0, question, Style::strong);
    canvas.put(y, canvas.put(y, x, controls.input), "_", Style::selected);
  };
  switch (controls.focus) {
    case Focus::filter:
      return ask("filter (comm or role): ");
    case Focus::delay:
      return ask("delay in seconds: ");
    case Focus::sort:
      return ask("sort by column: ");
    case Focus::jump:
      return ask("jump to second: ");
    case Focus::help:
      return draw_hints(canvas, y, {{"up, down", "scroll"}, {"any other key", "closes"}});
    case Focus::list:
      return draw_list_hints(canvas, y, frame, controls);
  }
}

void draw_message(Canvas& canvas, const std::string& message) {
  const auto lines = wrapped(message, static_cast<size_t>(canvas.width() - 2));
  int y = canvas.height() - static_cast<int>(lines.size());
  for (const std::string& line : lines) {
    canvas.clear(y);
    canvas.put(y++, 1, line, Style::warn);
  }
}

}  // namespace

std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t size = clipped(text, width).size();
    if (size < text.size()) {
      const size_t space = text.substr(0, size + 1).rfind(' ');
      if (space != std::string_view::npos && space > 0) size = space;
    }
    if (size == 0) break;
    lines.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  return lines;
}

void draw_last_line(Canvas& canvas, const model::Frame* frame, const Controls& controls) {
  if (controls.message.empty())
    draw_question_or_hints(canvas, canvas.height() - 1, frame, controls);
  else
    draw_message(canvas, controls.message);
}

}  // namespace timeslice::view
