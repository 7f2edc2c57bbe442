// SPDX-License-Identifier: MIT
// Which words can't be what the user meant? Each check is CLI11's: an empty string, or a sentence
// that refuses the word as bad usage.
#pragma once
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace timeslice::tools {

// "" and "," are what an unset variable or a pgrep without a match leaves on the command line: an
// empty selection, which must not become everything.
inline std::string names_something(const std::string& text) {
  return text.find_first_not_of(" \t\n,") == std::string::npos
             ? "'" + text + "' selects nothing; omit the option to select everything"
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
    return fmt::format("'{}' is not a {} from {} to {}", text, kind, least, most);
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

// One of these words. --help shows them as well.
inline CLI::Validator one_of(std::vector<std::string> words) {
  CLI::Validator validator(fmt::format("{}", fmt::join(words, "|")));
  validator.operation([words = std::move(words)](std::string& text) -> std::string {
    if (std::find(words.begin(), words.end(), text) != words.end()) return "";
    return fmt::format("'{}' is not a valid choice; choose one of {}", text,
                       fmt::join(words, ", "));
  });
  return validator;
}

// The same, as what each stands for: a transform of CLI11, which takes an enum as its number.
template <typename Enum>
CLI::Validator choice_of(const std::vector<std::pair<std::string, Enum>>& choices) {
  std::vector<std::string> words;
  words.reserve(choices.size());
  for (const auto& choice : choices) words.push_back(choice.first);
  CLI::Validator validator = one_of(words);
  const CLI::Validator check = validator;
  validator.operation([choices, check](std::string& text) -> std::string {
    if (std::string refusal = check(text); !refusal.empty()) return refusal;
    const auto is_chosen = [&](const auto& choice) { return choice.first == text; };
    const auto chosen = std::find_if(choices.begin(), choices.end(), is_chosen);
    text = std::to_string(static_cast<int>(chosen->second));
    return "";
  });
  return validator;
}

// A number and a unit that CLI11 can read as bytes: "100MB", "5 GiB". What doesn't begin with a
// digit it would read as if it were huge.
inline std::string is_size(const std::string& text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const size_t unit_at = std::min(text.find_first_not_of(' ', digits), text.size());
  const std::string unit = CLI::detail::to_lower(text.substr(unit_at));
  const bool prefixed = !unit.empty() && std::string("kmgtpe").find(unit[0]) != std::string::npos;
  const std::string bytes = prefixed ? unit.substr(1) : unit;
  const bool known = bytes.empty() || bytes == "b" || (prefixed && (bytes == "i" || bytes == "ib"));
  return digits > 0 && known ? "" : "'" + text + "' is not a size, such as 100MB";
}
inline std::string is_possible_size(const std::string& bytes) {
  uint64_t number = 0;
  const bool possible = is_number(bytes, number) && number > 0 && number <= INT64_MAX;
  return possible ? "" : "the size must be more than 0 and less than 8 EiB";
}

}  // namespace timeslice::tools
