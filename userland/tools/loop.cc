// SPDX-License-Identifier: MIT
#include "tools/loop.h"

#include <memory>
#include <string>
#include <vector>

#include "live/descriptions.h"
#include "live/loop_watch.h"
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
};

std::vector<uint32_t> tgids_in(const model::LoopFrame& frame) {
  std::vector<uint32_t> tgids;
  for (const model::WatchedLoop& loop : frame.loops)
    if (tgids.empty() || tgids.back() != loop.tgid) tgids.push_back(loop.tgid);
  return tgids;
}

void print_loops(const Options& options) {
  Refreshes refreshes(options);
  live::LoopWatchOptions wanted;
  wanted.block_ns = static_cast<uint64_t>(options.block_ms * 1e6);
  wanted.requests = options.requests;
  live::LoopWatch watch(options.tgids, wanted);
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
  loop->add_flag("--requests", options->requests,
                 "Tell the HTTP request that was being served during a block, without its query");
  loop->callback([=] {
    options->tgids = named_processes(options->pids);
    keep_rights_for(Work::watching);
    print_loops(*options);
  });
}

}  // namespace timeslice::tools
