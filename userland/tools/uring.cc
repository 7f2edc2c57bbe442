// SPDX-License-Identifier: MIT
#include "tools/uring.h"

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/seconds.h"
#include "live/uring_watch.h"
#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "tools/checks.h"
#include "tools/least_privilege.h"
#include "tools/named_processes.h"
#include "tools/output.h"
#include "view/format/say.h"
#include "view/format/uring_json.h"
#include "view/format/uring_text.h"

namespace timeslice::tools {

namespace {

struct Options {
  std::vector<uint32_t> tgids;
  std::optional<uint64_t> refreshes;
  double delay_s = 1;
  bool json = false;
};

class Printing {
 public:
  explicit Printing(const Options& options)
      : options_(options),
        end_(loop_, {SIGINT, SIGTERM}, [this] { loop_.stop(); }),
        watch_(options.tgids),
        timer_(loop_, [this] { refresh(); }) {}

  void run() {
    const auto delay = from_seconds(options_.delay_s);
    timer_.start(delay, delay);
    loop_.run();
  }

 private:
  void refresh() {
    const model::UringFrame frame = watch_.take();
    if (done_ == 0 && !frame.note.empty()) view::say(frame.note);
    text_.clear();
    if (options_.json)
      view::append_json(text_, frame);
    else
      view::append_text(text_, frame);
    const bool last = ++done_ >= options_.refreshes.value_or(UINT64_MAX);
    if (!write_all(text_) || last) return loop_.stop();
    if (frame.all_gone) {
      view::say("the watched processes have ended");
      loop_.stop();
    }
  }

  const Options& options_;
  loop::Loop loop_;
  loop::EndingSignals end_;  // first: attaching takes a while
  live::UringWatch watch_;
  loop::Timer timer_;
  std::string text_;
  uint64_t done_ = 0;
};

}  // namespace

void add_uring(CLI::App& app) {
  CLI::App* uring = app.add_subcommand(
      "uring", "io_uring of a live process: its rings, and its operations by route");
  auto options = std::make_shared<Options>();
  auto pids = std::make_shared<std::vector<std::string>>();
  uring->add_option("-p,--pid", *pids, "The processes to watch")
      ->type_name("PID[,PID]")
      ->take_all()
      ->required()
      ->check(names_something);
  uring->add_flag("--json", options->json, "Print one JSON object per refresh");
  uring->add_option("-n,--refreshes", options->refreshes, "Exit after N refreshes")
      ->type_name("N")
      ->check(whole_within(1, 1'000'000'000));
  uring->add_option("-d,--delay", options->delay_s, "Seconds between refreshes, 0.05 to 3600")
      ->type_name("SEC")
      ->check(number_within(0.05, 3600));
  uring->callback([=] {
    options->tgids = named_processes(*pids);
    keep_rights_for(Work::watching);
    Printing(*options).run();
  });
}

}  // namespace timeslice::tools
