// SPDX-License-Identifier: MIT
// Does skipping what slept change anything that is shown? A random machine runs for some hundred
// refreshes; a tracker that is told only the news, with a writer that keeps its lines, must print
// the same as a tracker that is told everything, with a new writer each time.
#include <random>

#include "model/tracker.h"
#include "tests/catch.h"
#include "tests/unit/rows.h"
#include "view/format/text.h"

using namespace timeslice;

namespace {

class Machine {
 public:
  explicit Machine(uint64_t seed) : random_(seed) {
    for (int i = 0; i < 40; ++i) begin();
  }

  // Some threads run, some begin, some end; `news` is what a pass would hand over.
  void go_on() {
    source.news.clear();
    const std::vector<ts_thread_row> before = source.threads;
    if (chance(3)) begin();
    if (chance(3) && source.threads.size() > 5)
      source.threads.erase(source.threads.begin() + pick(source.threads.size()));
    for (ts_thread_row& row : source.threads)
      if (chance(5)) run(row);
    for (uint32_t i = 0; i < source.threads.size(); ++i)
      if (i >= before.size() || memcmp(&before[i], &source.threads[i], sizeof(before[i])) != 0 ||
          source.threads[i].state == 'R' || chance(20))
        source.news.push_back(i);
  }

  made_up::Source source;

 private:
  bool chance(uint32_t one_in) { return random_() % one_in == 0; }
  std::ptrdiff_t pick(size_t size) { return static_cast<std::ptrdiff_t>(random_() % size); }

  void begin() {
    const uint32_t tgid = 10 * (1 + static_cast<uint32_t>(random_() % 6));
    // Ids are drawn from few, so that they are soon used again.
    uint32_t tid = tgid + static_cast<uint32_t>(random_() % 9);
    for (const ts_thread_row& row : source.threads)
      if (row.tid == tid) return;
    source.threads.push_back(made_up::thread(tgid, tid, "random"));
    source.threads.back().start_ns = ++born_;
  }

  void run(ts_thread_row& row) {
    row.nvcsw += random_() % 100;
    row.nivcsw += random_() % 100;
    row.cpu_ns += random_() % 1'000'000'000;
    row.run_delay_ns += random_() % 1'000'000;
    row.state = chance(2) ? 'R' : 'S';
    row.cpu = static_cast<int>(random_() % 4);
    if (chance(10)) snprintf(row.comm, sizeof(row.comm), "name-%u", unsigned(random_() % 99));
  }

  std::mt19937_64 random_;
  uint64_t born_ = 0;
};

}  // namespace

TEST_CASE("changed rows alone show the same as all rows") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  Machine machine(seed);
  model::Tracker told_news, told_all;
  view::TextWriter keeps_lines;
  std::mt19937_64 random(seed);
  const char* const columns[] = {"cpu_pct", "nvcsw_per_s", "tid", "comm", "state"};
  ts_snapshot_header header{};
  for (int refresh = 0; refresh < 300; ++refresh) {
    if (refresh > 0) machine.go_on();
    view::TextOptions options;
    options.order.column = &view::find_column(columns[random() % std::size(columns)]);
    options.order.reversed = random() % 2 != 0;
    std::string from_news, from_all;
    machine.source.header = header;
    machine.source.all_news = refresh == 0;
    keeps_lines.append(from_news, machine.source.pass(told_news), options);
    machine.source.header = header;
    machine.source.all_news = true;
    view::TextWriter().append(from_all, machine.source.pass(told_all), options);
    header = machine.source.header;
    REQUIRE(from_news == from_all);
  }
}
