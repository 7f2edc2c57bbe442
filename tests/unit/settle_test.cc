// SPDX-License-Identifier: MIT
// Which threads and cores were how at the moment at which a recording begins?
#include "model/settle.h"

#include "tests/catch.h"
#include "tests/unit/events.h"

namespace timeslice::model {

namespace {

using made_up::asleep;
using made_up::switched;

constexpr uint64_t kBegin = 1000, kMoment = 2000;

template <typename Event>
void add(Meanwhile& meanwhile, const Event& event) {
  meanwhile.add(reinterpret_cast<const ts_event&>(event));
}

ts_core_row core(uint32_t cpu, uint32_t queue_len, uint32_t have = TS_HAVE_CORE_QUEUE) {
  ts_core_row row{};
  row.record.have = have;
  row.cpu = cpu;
  row.queue_len = queue_len;
  return row;
}

ts_thread_row on_core(uint32_t tid, int cpu) {
  ts_thread_row row{};
  row.tid = row.tgid = tid;
  row.flags = TS_THREAD_ON_CPU;
  row.state = 'R';
  row.cpu = cpu;
  return row;
}

using Numbers = std::vector<uint32_t>;

Numbers idle(const std::vector<ts_core_row>& cores, const Meanwhile& meanwhile,
             const std::vector<ts_thread_row>& settled = {}) {
  return idle_cores(cores, settled, kBegin, kMoment, meanwhile);
}

}  // namespace

TEST_CASE("a core with nobody in its queue is idle, unless somebody is seen on it") {
  CHECK(idle({core(2, 0), core(0, 0), core(1, 1)}, {}) == Numbers{0, 2});
  CHECK(idle({core(2, 0), core(0, 0)}, {}, {on_core(7, 2)}) == Numbers{0});
  CHECK(idle({core(0, 0, TS_HAVE_CORE_BUSY)}, {}).empty());  // its queue wasn't read
}

TEST_CASE("what a core did since the pass began tells better whether it is idle") {
  Meanwhile meanwhile;
  add(meanwhile, switched(kBegin - 1, 3, 7, asleep, 0));  // before
  add(meanwhile, switched(kBegin + 1, 0, 7, asleep, 0));
  add(meanwhile, switched(kBegin + 2, 1, 0, 0, 8));
  add(meanwhile, switched(kBegin + 3, 2, 9, asleep, 0));
  add(meanwhile, made_up::lost(kBegin + 4, 2, 1));
  add(meanwhile, switched(kMoment + 1, 1, 8, asleep, 0));  // after
  CHECK(idle({core(0, 1), core(1, 0), core(2, 0), core(3, 1)}, meanwhile) == Numbers{0});
}

}  // namespace timeslice::model
