// SPDX-License-Identifier: MIT
#include "tools/uring.h"

#include <memory>
#include <string>

#include "live/uring_watch.h"
#include "tools/least_privilege.h"
#include "tools/named_processes.h"
#include "tools/refreshes.h"
#include "view/format/say.h"
#include "view/format/uring_json.h"
#include "view/format/uring_text.h"

namespace timeslice::tools {

namespace {

void print_rings(const RefreshOptions& options) {
  Refreshes refreshes(options);
  live::UringWatch watch(options.tgids);
  std::string note;
  refreshes.run([&](std::string& text) {
    const model::UringFrame frame = watch.take();
    if (!frame.note.empty() && frame.note != note) view::say(note = frame.note);
    options.json ? view::append_json(text, frame) : view::append_text(text, frame);
    return !frame.all_gone;
  });
}

}  // namespace

void add_uring(CLI::App& app) {
  CLI::App* uring = app.add_subcommand(
      "uring", "io_uring of a live process: its rings, and its operations by route");
  auto options = std::make_shared<RefreshOptions>();
  add_refresh_options(*uring, *options);
  uring->callback([=] {
    options->tgids = named_processes(options->pids);
    keep_rights_for(Work::watching);
    print_rings(*options);
  });
}

}  // namespace timeslice::tools
