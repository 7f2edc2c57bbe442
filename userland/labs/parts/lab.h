// SPDX-License-Identifier: MIT
// What is a lab? A page with questions (its lab.md), a workload that runs while the kernel is
// recorded, and what the recording has to say about each question. Learners answer before and
// after; every answer is compared with what was measured, never with a list.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "labs/parts/random.h"
#include "labs/parts/text.h"
#include "model/history.h"

namespace timeslice::labs {

// Where the lab is to run.
struct Machine {
  std::vector<uint32_t> cpus;  // that we may use
  std::string node;            // the program's path; empty: there is none
};

// What a workload is given.
struct Setting {
  Parameters parameters;
  Machine machine;
  std::string directory;  // a new one of its own; workload.js is in it, where the lab has one
};

// What was recorded while the workload ran.
struct Seen {
  const model::History& history;
  const std::vector<model::Slice>& slices;  // in the order in which they end
  std::string output;                       // of the workload
};

// What the measurement says about one question.
struct Truth {
  std::string key;                 // of the question
  std::vector<std::string> right;  // choices; or one number
  double tolerance = 0;            // of a number: so far from it is right as well
  std::string evidence;            // the rows that show it, in a sentence with figures
};

struct Measured {
  std::vector<Truth> truths;  // of every question
  nlohmann::json figures;     // what they follow from; goes into the result file
  std::string no_verdict;     // why there can't be one this time, and what to do. Empty: there can
};

struct Lab {
  int number;
  const char* slug;
  Parameters (*variant)(Random& random, const Machine& machine);
  // In a process of its own, while it is recorded. Returns its exit status. Throws Failure.
  int (*workload)(const Setting& setting);
  Measured (*measure)(const Seen& seen, const Parameters& parameters);
  // The parts of the workload of which lanes are shown, by name; none: all of it in one picture.
  std::vector<std::string> rounds = {};
  bool by_reason = false;  // lanes are coloured by why a thread left the CPU, not by thread
  // A picture beside the lanes, in lines of at most 80 columns. Null: the lanes show it.
  std::string (*picture)(const Measured& measured) = nullptr;
  // What the learner reads: the lab's page and its workload, of which the last one is Node's.
  std::string_view page = {}, source = {}, script = {};
};

// In the order of their numbers.
const std::vector<Lab>& all_labs();

}  // namespace timeslice::labs
