// SPDX-License-Identifier: MIT
// Is the JSON that batch mode writes valid, and byte for byte what the JSON library would write?
#include "view/format/json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/catch.h"
#include "tests/unit/json_by_library.h"
#include "tests/unit/view_frames.h"

using namespace timeslice;
using test::MadeFrame;

namespace {

std::string written(const model::Frame& frame) {
  std::string out;
  view::append_json(out, frame);
  return out;
}

// The frame as JSON, which must be valid, on one line, and the library's.
nlohmann::json document(const model::Frame& frame) {
  const std::string text = written(frame);
  std::string expected;
  test::append_json_by_library(expected, frame);
  CHECK(text == expected);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(text.back() == '\n');
  nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
  CHECK_FALSE(parsed.is_discarded());
  return parsed;
}

// The one thread of a frame, its comm and its sleeps_in as given.
nlohmann::json thread_called(const std::string& text) {
  MadeFrame made;
  made.process(7, text);
  made.thread(7, text).sleeps_in = text;
  return document(made.frame())["threads"][0];
}

nlohmann::json cpu_pct_of(double figure) {
  MadeFrame made;
  made.process(7, "x");
  made.thread(7, "x").cpu_pct = figure;
  return document(made.frame())["threads"][0]["cpu_pct"];
}

// Anything that a frame may hold, and some that it shouldn't.
class Anything {
 public:
  explicit Anything(uint64_t seed) : random_(seed) {}

  uint64_t number(uint64_t below) { return random_() % below; }
  bool one_in(uint64_t n) { return number(n) == 0; }
  uint64_t total() { return random_() >> number(64); }

  double real() {
    const double signed_total = (one_in(8) ? -1.0 : 1.0) * static_cast<double>(total());
    return std::ldexp(signed_total, -static_cast<int>(number(60)));
  }
  model::Figure figure() { return one_in(4) ? model::Figure() : real(); }

  std::string text(size_t longest) {
    static const std::string plain = "abcXYZ019 :/_-.";
    std::string text(number(longest + 1), 'x');
    const bool wild = one_in(4);
    for (char& c : text) c = wild ? static_cast<char>(number(256)) : plain[number(plain.size())];
    return text;
  }

  std::optional<model::TopPeer> peer() {
    if (one_in(3)) return std::nullopt;
    model::TopPeer peer;
    peer.name = text(15);
    peer.tid = static_cast<uint32_t>(number(3) * number(100'000));
    peer.share = static_cast<double>(number(10'001)) / 10'000;
    peer.count = total();
    return peer;
  }

  void fill(model::Thread& t) {
    ts_thread_row& row = t.row;
    row.record.have = static_cast<uint32_t>(random_());
    row.flags = static_cast<uint32_t>(random_());
    row.state = one_in(20) ? static_cast<char>(number(256)) : 'S';
    row.cpu = static_cast<int32_t>(number(300)) - 1;
    row.policy = static_cast<uint32_t>(number(9));
    row.nice = static_cast<int32_t>(number(40)) - 20;
    row.prio = static_cast<int32_t>(number(140)) - 100;
    row.cpu_ns = total(), row.run_delay_ns = total(), row.migrations = total();
    row.nvcsw = total(), row.nivcsw = total();
    t.role = {text(20), text(40), one_in(3) ? real() : static_cast<double>(number(101)) / 100};
    for (model::Figure* f : {&t.cpu_pct, &t.nvcsw_per_s, &t.nivcsw_per_s, &t.wait_ms_per_s})
      *f = figure();
    t.sleeps_in = text(30);
    t.began = one_in(2), t.ended = one_in(2);
    if (one_in(2)) return;
    model::SchedFigures& sched = sched_.emplace_back();
    sched.wait_p99_us = figure(), sched.top_preemptor = peer(), sched.top_waker = peer();
    t.sched = &sched;
  }

  void fill(model::Frame& frame) {
    frame.time_ns = total();
    frame.interval_s = figure(), frame.began_per_s = figure(), frame.ended_per_s = figure();
    model::Trust& trust = frame.trust;
    for (uint64_t* n : {&trust.lost_records, &trust.storage_failures, &trust.unseeded_threads,
                        &trust.missed_switches, &trust.censored_waits})
      *n = total();
    trust.self_cpu_pct = figure(), trust.probe_ns_per_switch = figure();
    for (model::Core& core : frame.cores)
      if (one_in(2))
        core.busy_ratio = figure(), core.switches_per_s = figure(), core.queue_len = {};
  }

  void fill(MadeFrame& made) {
    for (uint64_t i = number(4); i > 0; --i) made.core(0.25, 12);
    for (uint64_t i = 1 + number(3); i > 0; --i) {
      model::Process& process = made.process(static_cast<uint32_t>(total()), text(15), text(8));
      process.ended = one_in(3);
      process.ended_cpu_pct = figure(), process.ended_nvcsw_per_s = figure();
      for (uint64_t j = number(5); j > 0; --j)
        fill(made.thread(static_cast<uint32_t>(total()), text(15)));
    }
    fill(made.frame());
  }

 private:
  std::mt19937_64 random_;
  std::deque<model::SchedFigures> sched_;
};

}  // namespace

TEST_CASE("JSON of an empty frame is an object with empty lists") {
  const nlohmann::json frame = document(model::Frame());
  CHECK(frame["schema"] == "timeslice/top/1");
  CHECK(frame["threads"] == nlohmann::json::array());
  CHECK(frame["trust"]["lost_records"] == 0);
  CHECK(frame["interval_s"].is_null());
}

TEST_CASE("JSON figures have at most three decimals, and no trailing ones") {
  CHECK(cpu_pct_of(0).dump() == "0.0");
  CHECK(cpu_pct_of(61.8).dump() == "61.8");
  CHECK(cpu_pct_of(0.0005).dump() == "0.001");
  CHECK(cpu_pct_of(1234567.25).dump() == "1234567.25");
  for (const double rare : {-0.0, -1.5, 1e-9, 999'999'999'999.999, 1e12, 1e15, 1e300, 5e-324})
    CHECK(cpu_pct_of(rare).is_number());
  CHECK(cpu_pct_of(std::numeric_limits<double>::infinity()).is_null());
  CHECK(cpu_pct_of(std::numeric_limits<double>::quiet_NaN()).is_null());
}

TEST_CASE("JSON contains any comm as readable text") {
  for (int byte = 1; byte < 256; ++byte) {
    const std::string text{'a', static_cast<char>(byte), 'b'};
    const std::string read = thread_called(text)["comm"];
    if (byte < 128)
      CHECK(read == text);
    else
      CHECK(read ==
            "a\xEF\xBF\xBD"
            "b");  // U+FFFD: the byte isn't UTF-8
  }
  for (const std::string text :
       {"", "naïve", "日本語", "\"quoted\"", "back\\slash", "cut \xE6\x97"})
    thread_called(text);
}

TEST_CASE("JSON escapes invisible characters and those that change the text direction") {
  const auto comm_as_written = [](const std::string& comm) {
    MadeFrame made;
    made.process(7, comm);
    made.thread(7, comm);
    const std::string text = written(made.frame());
    const size_t at = text.find("\"comm\":\"", text.find("\"threads\":[{")) + 8;
    return text.substr(at, text.find('"', at) - at);
  };
  CHECK(comm_as_written("a\x7f") == "a\\u007f");
  CHECK(comm_as_written("\u009b31m") == "\\u009b31m");
  for (const auto& [text, escape] :
       std::vector<std::pair<std::string, std::string>>{{"\u061c", "\\u061c"},
                                                        {"\u200e", "\\u200e"},
                                                        {"\u200f", "\\u200f"},
                                                        {"\u202a", "\\u202a"},
                                                        {"\u202e", "\\u202e"},
                                                        {"\u2066", "\\u2066"},
                                                        {"\u2069", "\\u2069"},
                                                        {"\ufeff", "\\ufeff"}})
    CHECK(comm_as_written("a" + text + "b") == "a" + escape + "b");
  CHECK(comm_as_written("na\u00efve \u65e5\u672c") == "na\u00efve \u65e5\u672c");
}

TEST_CASE("JSON of any frame equals the library's, byte for byte") {
  const auto seed = static_cast<uint64_t>(GENERATE(1, 2, 3, 4));
  CAPTURE(seed);
  Anything anything(seed);
  for (int i = 0; i < 1000; ++i) {
    MadeFrame made;
    anything.fill(made);
    std::string expected;
    const model::Frame& frame = made.frame();
    test::append_json_by_library(expected, frame);
    if (written(frame) != expected || i == 0) document(frame);  // says what differs
    REQUIRE(written(frame) == expected);
    REQUIRE(nlohmann::json::accept(expected));
  }
}
