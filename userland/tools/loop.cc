// SPDX-License-Identifier: MIT
#include "tools/loop.h"

#include <memory>
#include <string>
#include <vector>

#include "live/descriptions.h"
#include "live/loop_watch.h"
#include "tools/checks.h"
#include "tools/least_privilege.h"
#include "tools/loop_news.h"
#include "tools/named_processes.h"
#include "tools/refreshes.h"
#include "view/format/loop_json.h"
#include "view/format/loop_text.h"

namespace timeslice::tools {

namespace {

struct Options : RefreshOptions {
  double block_ms = 50;
  bool requests = false;
  bool turns = false, phases = false;
  double budget_percent = 1;
};

std::vector<uint32_t> tgids_in(const model::LoopFrame& frame) {
  std::vector<uint32_t> tgids;
  for (const model::WatchedLoop& loop : frame.loops)
    if (tgids.empty() || tgids.back() != loop.tgid) tgids.push_back(loop.tgid);
  return tgids;
}

live::LoopWatchOptions watch_options(const Options& options) {
  live::LoopWatchOptions wanted;
  wanted.block_ns = static_cast<uint64_t>(options.block_ms * 1e6);
  wanted.requests = options.requests;
  wanted.phases = options.phases;
  if (options.turns || options.phases) wanted.turns_budget_ratio = options.budget_percent / 100;
  return wanted;
}

void print_loops(const Options& options) {
  Refreshes refreshes(options);
  live::LoopWatch watch(options.tgids, watch_options(options));
  live::Descriptions descriptions;
  LoopNews news;
  refreshes.run([&](std::string& text) {
    model::LoopFrame frame = watch.take();
    news.say(frame, options.tgids.size());
    // After the figures, which cover the time until they are taken.
    frame.processes = descriptions.of(tgids_in(frame));
    options.json ? view::append_json(text, frame) : view::append_text(text, frame);
    return !frame.all_gone;
  });
}

}  // namespace

void add_loop(CLI::App& app) {
  CLI::App* loop =
      app.add_subcommand("loop", "Event loops of a live process, and what blocks them");
  auto options = std::make_shared<Options>();
  add_refresh_options(*loop, *options);
  add_block_option(*loop, options->block_ms);
  add_requests_option(*loop, options->requests);
  loop->add_flag("--turns", options->turns, "Time each turn, by probes on waits for events");
  loop->add_flag("--phases", options->phases,
                 "The same, and tell the phases of turns apart, by probes on libuv's functions");
  CLI::Option* budget =
      loop->add_option(
              "--budget", options->budget_percent,
              "How much of a CPU these probes may take before they are detached, in percent")
          ->type_name("PERCENT")
          ->check(number_within(0.0001, 100));
  loop->callback([=] {
    if (budget->count() > 0 && !options->turns && !options->phases)
      throw CLI::RequiresError("--budget", "--turns or --phases");
    options->tgids = named_processes(options->pids);
    keep_rights_for(Work::watching);
    print_loops(*options);
  });
}

}  // namespace timeslice::tools
