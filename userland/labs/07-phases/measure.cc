// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "labs/07-phases/lab.h"
#include "labs/parts/output_lines.h"

namespace timeslice::labs::phases {

namespace {

using Names = std::vector<std::string>;

const std::map<std::string, std::string> kOrders = {
    {"readFile timeout immediate promise nextTick", "called"},
    {"readFile nextTick promise immediate timeout", "loop"},
    {"readFile nextTick promise timeout immediate", "timers"},
    {"readFile promise nextTick immediate timeout", "promise"}};

// What follows the first word of each line that begins with `word`.
Names lines_of(const std::string& output, const std::string& word) {
  Names found;
  for (auto& words : lines_after(output, word)) std::getline(words, found.emplace_back());
  return found;
}

Names words_of(const std::string& line) {
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

// How often the second program had which order, by how long it computed after its two calls.
struct Runs {
  size_t timeout = 0, immediate = 0;
  [[nodiscard]] size_t all() const { return timeout + immediate; }
};

Runs runs_of(const Names& lines, const std::string& ms) {
  const auto count = [&](const std::string& first) {
    return static_cast<size_t>(std::count(lines.begin(), lines.end(), ms + ' ' + first));
  };
  return {count("timeout"), count("immediate")};
}

// All the same, and each with the only thread that is there.
bool all_alike(const Names& orders, const Names& threads) {
  const auto is_main_only = [](const std::string& line) {
    const Names words = words_of(line);  // the process, and the threads that ran something
    return words.size() == 2 && words[0] == words[1];
  };
  return orders.size() >= 3 && threads.size() == orders.size() &&
         std::set<std::string>(orders.begin(), orders.end()).size() == 1 &&
         std::all_of(threads.begin(), threads.end(), is_main_only);
}

std::string unclear(const Runs& plain, const Runs& late) {
  if (plain.immediate == 0)
    return fmt::format(
        "in all {} runs the loop began more than a millisecond after the calls; close what "
        "computes, and try again",
        plain.all());
  if (plain.timeout == 0)
    return fmt::format("in all {} runs the loop began within a millisecond of the calls; try again",
                       plain.all());
  return late.immediate > 0 ? "the program that computes had both orders, too; try again" : "";
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"runs", random.between(10, 16)}};
}

Measured measure(const Seen& seen, const Parameters& /*parameters*/) {
  Measured measured;
  const Names orders = lines_of(seen.output, "inside"), threads = lines_of(seen.output, "threads"),
              second = lines_of(seen.output, "main"), ours = lines_of(seen.output, "loop");
  const Runs plain = runs_of(second, "0"), late = runs_of(second, "2");
  if (!all_alike(orders, threads) || !kOrders.contains(orders[0]) || ours.size() != 5 ||
      plain.all() == 0 || late.all() == 0) {
    measured.no_verdict = "the first program had no order that was always the same; try again";
    return measured;
  }
  measured.no_verdict = unclear(plain, late);
  measured.figures = {{"order", words_of(orders[0])},          {"loop", ours},
                      {"thread", words_of(threads[0])[1]},     {"timeout_first", plain.timeout},
                      {"immediate_first", plain.immediate},    {"late_timeout_first", late.timeout},
                      {"late_immediate_first", late.immediate}};
  const std::string counts = fmt::format(
      "Of {} runs, {} had the timeout first and {} the immediate; of {} which computed for 2 ms "
      "after the calls, {} and {}.",
      plain.all(), plain.timeout, plain.immediate, late.all(), late.timeout, late.immediate);
  measured.truths = {{"inside",
                      {kOrders.at(orders[0])},
                      0,
                      fmt::format("{} times of {}: {}.", orders.size(), orders.size(), orders[0])},
                     {"main", {"either"}, 0, counts},
                     {"why", {"ms"}, 0, counts}};
  return measured;
}

// What ran in a phase of our loop, with its places in Node's order and in the loop's.
Names entries_of(const nlohmann::json& figures, const std::string& phase) {
  const Names node = figures["order"], ours = figures["loop"];
  Names entries;
  for (size_t place = 0; place < ours.size(); ++place) {
    const Names words = words_of(ours[place]);
    if (words.size() != 2 || words[0] != phase) continue;
    const auto at = std::find(node.begin(), node.end(), words[1]) - node.begin();
    entries.push_back(fmt::format("{} {}  {}", at + 1, place + 1, words[1]));
  }
  return entries;
}

void append_row(std::string& text, const std::string& left, const std::string& ring,
                const std::string& right = "") {
  text += fmt::format("{:>18} {}{}{}\n", left, ring, right.empty() ? "" : " ", right);
}

void append_ring(std::string& text, const nlohmann::json& figures) {
  const Names timers = entries_of(figures, "timers"), check = entries_of(figures, "check");
  const auto nth = [](const Names& names, size_t i) { return i < names.size() ? names[i] : ""; };
  append_row(text, "", "┌────────── poll ──────────┐");
  for (const std::string& entry : entries_of(figures, "poll"))
    append_row(text, "", fmt::format("│    {:<22}│", entry));
  append_row(text, "timers", "▲                          ▼", "check");
  for (size_t i = 0; i < std::max(timers.size(), check.size()); ++i)
    append_row(text, nth(timers, i), "│                          │", nth(check, i));
  append_row(text, "", "└───────── close ◄─────────┘");
}

void append_runs(std::string& text, const char* what, const nlohmann::json& figures,
                 const std::string& which) {
  text += fmt::format("{:<36}{:>14}{:>16}\n", what, figures[which + "timeout_first"].get<int>(),
                      figures[which + "immediate_first"].get<int>());
}

std::string picture(const Measured& measured) {
  if (!measured.figures.contains("order")) return "";
  const nlohmann::json& figures = measured.figures;
  std::string text =
      "\nThe first program: what ran in which phase, with its place in Node's order and\n"
      "in that of our loop.\n\n";
  append_ring(text, figures);
  text += fmt::format("\nAll of Node's ran on thread {}, the main thread.\n\n",
                      figures["thread"].get<std::string>());
  text += fmt::format("{:<36}{:>14}{:>16}\n", "The second program: runs with the…", "timeout first",
                      "immediate first");
  append_runs(text, "  as it is", figures, "");
  append_runs(text, "  computing for 2 ms after the calls", figures, "late_");
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 7,
          .slug = "07-phases",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"inside"},
          .picture = picture};
}

}  // namespace timeslice::labs::phases
