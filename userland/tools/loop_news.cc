// SPDX-License-Identifier: MIT
#include "tools/loop_news.h"

#include "base/failure.h"
#include "tools/checks.h"
#include "view/format/say.h"
#include "view/format/turns_text.h"

namespace timeslice::tools {

void add_requests_option(CLI::App& app, bool& requests) {
  app.add_flag("--requests", requests,
               "Tell the HTTP request that was being served during a block, without its query");
}

void add_block_option(CLI::App& app, double& block_ms) {
  app.add_option("--block-ms", block_ms,
                 "A turn of the loop that lasts so many milliseconds is reported as a block")
      ->type_name("MS")
      ->check(number_within(20, 3'600'000));
}

namespace {

void say_once(std::string& said, const std::string& sentence) {
  if (!sentence.empty() && said.empty()) view::say(said = sentence);
}

}  // namespace

void LoopNews::say(const model::LoopFrame& frame, size_t asked) {
  if (!frame.note.empty() && frame.note != note_) view::say(note_ = frame.note);
  if (frame.turn_probes) {
    say_once(no_phases_, view::why_no_phases(*frame.turn_probes));
    say_once(not_timed_, view::why_not_timed(*frame.turn_probes));
  }
  for (const model::RefusedProcess& process : frame.unphased)
    if (unphased_.insert(process.tgid).second)
      view::say("the phases of process " + std::to_string(process.tgid) +
                " aren't told apart: " + process.why);
  for (const model::RefusedProcess& process : frame.refused) {
    const std::string sentence = "cannot watch the event loops of process " +
                                 std::to_string(process.tgid) + ": " + process.why;
    if (frame.refused.size() >= asked) throw Failure(sentence);
    if (refused_.insert(process.tgid).second) view::say(sentence);
  }
  for (const model::RefusedProcess& process : frame.unnamed)
    if (unnamed_.insert(process.tgid).second)
      view::say("process " + std::to_string(process.tgid) + ": " + process.why);
}

}  // namespace timeslice::tools
