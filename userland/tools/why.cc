// SPDX-License-Identifier: MIT
#include "tools/why.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "base/seconds.h"
#include "live/node_processes.h"
#include "live/why_watch.h"
#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "tools/checks.h"
#include "tools/least_privilege.h"
#include "tools/loop_news.h"
#include "tools/named_processes.h"
#include "tools/output.h"
#include "view/format/number.h"
#include "view/format/say.h"
#include "view/format/why_json.h"
#include "view/format/why_text.h"

namespace timeslice::tools {

namespace {

using namespace std::chrono_literals;

struct Options {
  std::vector<uint32_t> tgids;
  double seconds = 10;
  double block_ms = 50;
  bool requests = false;
  bool json = false;
};

// All loops of a process are found within that time, or it is in the middle of a turn.
constexpr auto kSearch = 300ms;
constexpr auto kTick = 100ms;

class Answering {
 public:
  explicit Answering(const Options& options)
      : options_(options),
        end_(loop_, {SIGINT, SIGTERM}, [this] { answer(); }),
        watch_(options.tgids, static_cast<uint64_t>(options.block_ms * 1e6), options.requests),
        search_(loop_, [this] { begin(); }),
        tick_(loop_, [this] { tick(); }),
        time_(loop_, [this] { answer(); }) {}

  void run() {
    search_.start(kSearch);
    loop_.run();
  }

 private:
  void begin() {
    news_.say(watch_.begin(), options_.tgids.size());
    if (isatty(STDERR_FILENO))
      view::say("watching " + view::counted(options_.tgids.size(), "process", "processes") +
                " for " + view::duration(options_.seconds * 1e9) + "; Ctrl-C answers at once");
    tick_.start(kTick, kTick);
    time_.start(from_seconds(options_.seconds));
  }

  void tick() {
    if (!watch_.tick()) answer();
  }

  void answer() {
    live::WhyWatched watched = watch_.finish();
    news_.say(watched.loops, options_.tgids.size());
    std::vector<view::ToldProcess> told;
    for (model::WatchedProcess& process : watched.processes) {
      std::vector<model::Cause> causes =
          model::causes_of(process, static_cast<uint64_t>(options_.block_ms * 1e6));
      told.push_back({std::move(process), std::move(causes)});
    }
    loop_.stop();
    if (told.empty()) throw Failure("none of the processes could be watched for long enough");
    std::string text;
    if (options_.json)
      view::append_json(text, told, watched.loops);
    else
      view::append_text(text, told);
    write_all(text);
  }

  const Options& options_;
  loop::Loop loop_;
  loop::EndingSignals end_;  // first: opening the watch takes a while
  live::WhyWatch watch_;
  loop::Timer search_, tick_, time_;
  LoopNews news_;
};

}  // namespace

void add_why(CLI::App& app) {
  CLI::App* why = app.add_subcommand("why", "Why is a Node process slow? Watches it, then says");
  auto options = std::make_shared<Options>();
  auto pids = std::make_shared<std::vector<std::string>>();
  why->add_option("-p,--pid", *pids, "The processes to watch; otherwise every Node process")
      ->type_name("PID[,PID]")
      ->take_all()
      ->check(names_something);
  why->add_option("-s,--seconds", options->seconds, "How long to watch, 0.5 to 3600; 10 by default")
      ->type_name("SEC")
      ->check(number_within(0.5, 3600));
  why->add_flag("--json", options->json, "Print one JSON object");
  add_block_option(*why, options->block_ms);
  add_requests_option(*why, options->requests);
  why->callback([=] {
    options->tgids = named_processes(*pids);
    keep_rights_for(Work::watching);
    if (options->tgids.empty()) options->tgids = live::node_processes();
    if (options->tgids.empty()) throw Failure("no Node process runs here, as far as may be seen");
    Answering(*options).run();
  });
}

}  // namespace timeslice::tools
