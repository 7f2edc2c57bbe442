// SPDX-License-Identifier: MIT
#include "tools/refreshes.h"

#include <csignal>

#include "base/seconds.h"
#include "loop/core/timer.h"
#include "tools/checks.h"
#include "tools/output.h"
#include "view/format/say.h"

namespace timeslice::tools {

void add_refresh_options(CLI::App& app, RefreshOptions& options) {
  app.add_option("-p,--pid", options.pids, "The processes to watch")
      ->type_name("PID[,PID]")
      ->take_all()
      ->required()
      ->check(names_something);
  app.add_flag("--json", options.json, "Print one JSON object per refresh");
  app.add_option("-n,--refreshes", options.refreshes, "Exit after N refreshes")
      ->type_name("N")
      ->check(whole_within(1, 1'000'000'000));
  app.add_option("-d,--delay", options.delay_s, "Seconds between refreshes, 0.05 to 3600")
      ->type_name("SEC")
      ->check(number_within(0.05, 3600));
}

Refreshes::Refreshes(const RefreshOptions& options)
    : options_(options), end_(loop_, {SIGINT, SIGTERM}, [this] { loop_.stop(); }) {}

void Refreshes::run(const std::function<bool(std::string&)>& print) {
  loop::Timer timer(loop_, [&] { refresh(print); });
  const auto delay = from_seconds(options_.delay_s);
  timer.start(delay, delay);
  loop_.run();
}

void Refreshes::refresh(const std::function<bool(std::string&)>& print) {
  text_.clear();
  const bool some_left = print(text_);
  const bool last = ++done_ >= options_.refreshes.value_or(UINT64_MAX);
  if (!write_all(text_) || last) return loop_.stop();
  if (some_left) return;
  view::say("the watched processes have ended");
  loop_.stop();
}

}  // namespace timeslice::tools
