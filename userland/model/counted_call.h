// SPDX-License-Identifier: MIT
// How many looks met a thread asleep in which call?
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace timeslice::model {

struct CountedCall {
  std::string name;
  uint32_t looks = 0;
};

// Most frequent first.
template <typename Counted>
void sort_by_looks(std::vector<Counted>& counted) {
  std::stable_sort(counted.begin(), counted.end(), [](const Counted& one, const Counted& other) {
    return one.looks > other.looks;
  });
}

inline std::vector<CountedCall> sorted_calls(const std::map<std::string, uint32_t>& looks_by_call) {
  std::vector<CountedCall> calls;
  calls.reserve(looks_by_call.size());
  for (const auto& [name, looks] : looks_by_call) calls.push_back({name, looks});
  sort_by_looks(calls);
  return calls;
}

}  // namespace timeslice::model
