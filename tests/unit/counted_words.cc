// SPDX-License-Identifier: MIT
// Does a sentence say "1 wait" and "2 waits", and stay a sentence where thousands of processes were
// recorded?
#include <numeric>

#include "play/recording.h"
#include "tests/catch.h"
#include "tests/unit/view_frames.h"
#include "view/format/number.h"
#include "view/format/trust_line.h"
#include "view/report/report.h"

using namespace timeslice;
using test::MadeFrame;

namespace {

std::string asked_for(std::vector<uint32_t> tgids) {
  trace::Header header;
  header.tgids = std::move(tgids);
  return play::info_of(header).asked;
}

}  // namespace

TEST_CASE("counts are singular or plural") {
  CHECK(view::counted(0, "wait", "waits") == "0 waits");
  CHECK(view::counted(1, "wait", "waits") == "1 wait");
  CHECK(view::counted(1'000'001, "switch", "switches") == "1,000,001 switches");
}

TEST_CASE("the trust line has singular and plural") {
  MadeFrame made(Mode::aggregate);
  model::Trust& trust = made.frame().trust;
  trust.censored_waits = trust.missed_switches = 1;
  CHECK(view::trust_in_brief(made.frame()).find("1 missed switch, 1 wait still open, ") !=
        std::string::npos);
  trust.censored_waits = trust.missed_switches = 2;
  CHECK(view::trust_in_brief(made.frame()).find("2 missed switches, 2 waits still open, ") !=
        std::string::npos);
}

TEST_CASE("a recording's trust line has singular and plural, too") {
  model::RecordingTrust trust;
  trust.breaks = trust.cut_waits = trust.unseen_threads = 1;
  CHECK(view::recording_trust_line(trust).find("1 switch missing, 1 thread seen only part of the "
                                               "time, 1 wait still open at the window's edge, ") !=
        std::string::npos);
  trust.breaks = trust.cut_waits = trust.unseen_threads = 2;
  CHECK(view::recording_trust_line(trust).find(
            "2 switches missing, 2 threads seen only part of the time, 2 waits still open at the "
            "window's edge, ") != std::string::npos);
}

TEST_CASE("of the recorded processes a few are named, and the others counted") {
  CHECK(asked_for({}).empty());
  CHECK(asked_for({7}) == "process 7");
  CHECK(asked_for({7, 8, 9, 10}) == "processes 7, 8, 9, 10");
  std::vector<uint32_t> many(1'027);
  std::iota(many.begin(), many.end(), 7);
  CHECK(asked_for(many) == "processes 7, 8, 9, 10 and 1,023 more");
}
