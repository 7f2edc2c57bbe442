// SPDX-License-Identifier: MIT
// What do the commands have in common that print what some processes do, at each refresh?
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"

namespace timeslice::tools {

struct RefreshOptions {
  std::vector<std::string> pids;  // as they were given
  std::vector<uint32_t> tgids;    // of those that are there
  std::optional<uint64_t> refreshes;
  double delay_s = 1;
  bool json = false;
};

void add_refresh_options(CLI::App& app, RefreshOptions& options);

// Until so many refreshes are done, a signal comes, or nobody reads any more.
class Refreshes {
 public:
  explicit Refreshes(const RefreshOptions& options);  // before what takes a while: signals end it

  // `print` appends what there is to show to a text that is empty. False: all processes have ended.
  void run(const std::function<bool(std::string&)>& print);

 private:
  void refresh(const std::function<bool(std::string&)>& print);

  const RefreshOptions& options_;
  loop::Loop loop_;
  loop::EndingSignals end_;
  std::string text_;
  uint64_t done_ = 0;
};

}  // namespace timeslice::tools
