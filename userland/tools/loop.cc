// SPDX-License-Identifier: MIT
#include "tools/loop.h"

#include <csignal>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/seconds.h"
#include "live/descriptions.h"
#include "live/loop_watch.h"
#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "tools/checks.h"
#include "tools/least_privilege.h"
#include "tools/named_processes.h"
#include "tools/output.h"
#include "view/format/loop_json.h"
#include "view/format/loop_text.h"
#include "view/format/say.h"

namespace timeslice::tools {

namespace {

struct Options {
  std::vector<uint32_t> tgids;
  std::optional<uint64_t> refreshes;
  double delay_s = 1;
  double block_ms = 50;
  bool json = false;
};

class Printing {
 public:
  explicit Printing(const Options& options)
      : options_(options),
        end_(loop_, {SIGINT, SIGTERM}, [this] { loop_.stop(); }),
        watch_(options.tgids, {static_cast<uint64_t>(options.block_ms * 1e6)}),
        timer_(loop_, [this] { refresh(); }) {}

  void run() {
    const auto delay = from_seconds(options_.delay_s);
    timer_.start(delay, delay);
    loop_.run();
  }

 private:
  void refresh() {
    model::LoopFrame frame = watch_.take();
    say_news(frame);
    describe(frame);
    text_.clear();
    if (options_.json)
      view::append_json(text_, frame);
    else
      view::append_text(text_, frame);
    const bool last = options_.refreshes && ++done_ >= *options_.refreshes;
    if (!write_all(text_) || last) return loop_.stop();
    if (frame.all_gone) {
      view::say("the watched processes have ended");
      loop_.stop();
    }
  }

  // After the figures, which cover the time until they are taken.
  void describe(model::LoopFrame& frame) {
    std::vector<uint32_t> tgids;
    for (const model::WatchedLoop& loop : frame.loops)
      if (tgids.empty() || tgids.back() != loop.tgid) tgids.push_back(loop.tgid);
    frame.processes = descriptions_.of(tgids);
  }

  void say_news(const model::LoopFrame& frame) {
    if (!frame.note.empty() && frame.note != note_) view::say(note_ = frame.note);
    for (const model::RefusedProcess& process : frame.refused) {
      const std::string sentence = "cannot show the event loops of process " +
                                   std::to_string(process.tgid) + ": " + process.why;
      if (frame.refused.size() == options_.tgids.size()) throw Failure(sentence);
      if (refused_.insert(process.tgid).second) view::say(sentence);
    }
    for (const model::RefusedProcess& process : frame.unnamed)
      if (unnamed_.insert(process.tgid).second)
        view::say("process " + std::to_string(process.tgid) + ": " + process.why);
  }

  const Options& options_;
  loop::Loop loop_;
  loop::EndingSignals end_;  // first: opening the watch takes a while
  live::LoopWatch watch_;
  live::Descriptions descriptions_;
  loop::Timer timer_;
  std::string text_, note_;
  std::set<uint32_t> refused_, unnamed_;  // that was said of
  uint64_t done_ = 0;
};

}  // namespace

void add_loop(CLI::App& app) {
  CLI::App* loop =
      app.add_subcommand("loop", "Event loops of a live process, and what blocks them");
  auto options = std::make_shared<Options>();
  auto pids = std::make_shared<std::vector<std::string>>();
  loop->add_option("-p,--pid", *pids, "The processes whose loops to watch")
      ->type_name("PID[,PID]")
      ->take_all()
      ->required()
      ->check(names_something);
  loop->add_flag("--json", options->json, "Print one JSON object per refresh");
  loop->add_option("-n,--refreshes", options->refreshes, "Exit after N refreshes")
      ->type_name("N")
      ->check(whole_within(1, 1'000'000'000));
  loop->add_option("-d,--delay", options->delay_s, "Seconds between refreshes, 0.05 to 3600")
      ->type_name("SEC")
      ->check(number_within(0.05, 3600));
  loop->add_option("--block-ms", options->block_ms,
                   "A turn of the loop that lasts so many milliseconds is reported as a block")
      ->type_name("MS")
      ->check(number_within(20, 3'600'000));
  loop->callback([=] {
    options->tgids = named_processes(*pids);
    keep_rights_for(Work::watching);
    Printing(*options).run();
  });
}

}  // namespace timeslice::tools
