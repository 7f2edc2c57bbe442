// SPDX-License-Identifier: MIT
#include "view/format/vm_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace timeslice::view {

namespace {

constexpr double kLeast = 0.005;

}  // namespace

std::string vm_text(const model::VmLooks& vm, uint32_t of) {
  std::array parts = {std::pair{vm.javascript, "JavaScript"},
                      std::pair{vm.garbage_collector, "garbage collection"},
                      std::pair{vm.compiler, "compiler"}, std::pair{vm.native, "C++"}};
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& one, const auto& other) { return one.first > other.first; });
  std::string text;
  for (const auto& [looks, name] : parts) {
    const double share = of ? static_cast<double>(looks) / of : 0;
    if (share < kLeast) continue;
    fmt::format_to(std::back_inserter(text), "{}{} {:.0f}%", text.empty() ? "" : ", ", name,
                   share * 100);
  }
  return text;
}

OrderedJson vm_json(const model::VmLooks& vm, uint32_t of, double whole) {
  if (of == 0) return {};
  const auto part = [&](uint32_t looks) { return whole * looks / of; };
  return {{"javascript", part(vm.javascript)},
          {"gc", part(vm.garbage_collector)},
          {"compiler", part(vm.compiler)},
          {"native", part(vm.native)}};
}

}  // namespace timeslice::view
