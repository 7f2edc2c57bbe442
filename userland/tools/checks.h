// SPDX-License-Identifier: MIT
// Which words can't be what the user meant? Each check is CLI11's: an empty string, or a sentence
// that refuses the word as bad usage.
#pragma once
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <string>

namespace timeslice::tools {

// "" and "," are what an unset variable or a pgrep without a match leaves on the command line: a
// choice of nobody, which must not become everybody.
inline std::string names_something(const std::string& text) {
  return text.find_first_not_of(" \t\n,") == std::string::npos
             ? "'" + text + "' names nothing; leave the option out to choose all"
             : "";
}

// The whole word, as one number and nothing else. CLI11's own Range lets nan pass, and a word with
// a minus becomes a huge number where an option is unsigned.
template <typename Number>
bool is_number(const std::string& text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end;
}

// The limits are shown by --help as well.
template <typename Number>
CLI::Validator number_from(Number least, Number most, const char* kind) {
  const auto check = [=](const std::string& text) -> std::string {
    Number number{};
    if (is_number(text, number) && number >= least && number <= most) return "";
    return fmt::format("'{}' is no {} from {} to {}", text, kind, least, most);
  };
  CLI::Validator validator(fmt::format("{} to {}", least, most));
  validator.operation([check](std::string& text) { return check(text); });
  return validator;
}

// Seconds or milliseconds. Not nan, not inf.
inline CLI::Validator number_within(double least, double most) {
  return number_from(least, most, "number");
}

inline CLI::Validator whole_within(uint64_t least, uint64_t most) {
  return number_from(least, most, "whole number");
}

// Once CLI11 has read "100MB" as bytes. What doesn't begin with a digit it reads as if it were
// huge.
inline std::string is_size(const std::string& text) {
  const bool digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
  return digit ? "" : "'" + text + "' is no size, such as 100MB";
}
inline std::string is_possible_size(const std::string& bytes) {
  uint64_t number = 0;
  const bool possible = is_number(bytes, number) && number > 0 && number <= INT64_MAX;
  return possible ? "" : "no file can be limited to that size";
}

}  // namespace timeslice::tools
