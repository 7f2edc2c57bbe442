// SPDX-License-Identifier: MIT
// What happens while a line is being typed, and what does it say once it is whole?
#include <fmt/format.h>

#include <charconv>

#include "base/failure.h"
#include "view/format/columns.h"
#include "view/screen/controls.h"

namespace timeslice::view {

namespace {

constexpr double least_delay_s = 0.05, most_delay_s = 3600;

void append_utf8(std::string& out, char32_t c) {
  const auto byte = [&](char32_t bits) { out += static_cast<char>(bits); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      byte(0xe0 | c >> 12);
    } else {
      byte(0xf0 | c >> 18);
      byte(0x80 | (c >> 12 & 0x3f));
    }
    byte(0x80 | (c >> 6 & 0x3f));
  }
  byte(0x80 | (c & 0x3f));
}

void drop_last_character(std::string& text) {
  while (!text.empty() && (text.back() & 0xc0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

// Absent where the text is none, or more than one.
std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

}  // namespace

void Controls::prompt(Focus which, std::string text) {
  focus = which;
  input = std::move(text);
}

void Controls::press_in_prompt(const Key& key, std::vector<Action>& actions) {
  const bool filtering = focus == Focus::filter;
  if (key.name == Key::enter) return accept(actions);
  if (key.name == Key::escape) {
    input.clear();
    focus = Focus::list;
  } else if (key.name == Key::backspace) {
    drop_last_character(input);
  } else if (key.name == Key::character && key.code >= 0x20) {
    append_utf8(input, key.code);
  }
  if (filtering) list.filter = input;  // the list narrows while one types
}

void Controls::accept(std::vector<Action>& actions) {
  const Focus which = focus;
  focus = Focus::list;
  if (input.empty()) return;
  if (which == Focus::delay) accept_delay(actions);
  if (which == Focus::sort) accept_sort();
  if (which == Focus::jump) accept_jump(actions);
}

void Controls::accept_delay(std::vector<Action>& actions) {
  const std::optional<double> seconds = number_in(input);
  if (!seconds || !(*seconds >= least_delay_s && *seconds <= most_delay_s))
    return say(fmt::format("the delay must be a number of seconds from {} to {}, not '{}'",
                           least_delay_s, most_delay_s, input));
  delay_s = *seconds;
  actions.push_back(Action::delay);
}

void Controls::accept_jump(std::vector<Action>& actions) {
  const std::optional<double> seconds = number_in(input);
  const double whole = static_cast<double>(bar->end_ns - bar->begin_ns) / 1e9;
  if (!seconds || !(*seconds >= 0 && *seconds <= whole))
    return say(fmt::format("the time must be a number of seconds from 0 to {:.3f}, not '{}'", whole,
                           input));
  jump_to(bar->begin_ns + static_cast<uint64_t>(*seconds * 1e9), actions);
}

void Controls::accept_sort() {
  try {
    list.order = {&find_column(input), false};
  } catch (const Failure& failure) {
    say(failure.what());
  }
}

}  // namespace timeslice::view
