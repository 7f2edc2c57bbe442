// SPDX-License-Identifier: MIT
// What is read from a ring's fdinfo? The kernel wrote it, but names of files are in it, other
// kernels write less or more, and a long one is cut off.
#include <string>

#include "observe/uring_rings.h"
#include "tests/catch.h"

namespace timeslice {

namespace {

using observe::parse_ring;
using observe::RingInfo;

const std::string kText =
    "pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t123911\nSqMask:\t0x7\nSqHead:\t4294967295\n"
    "SqTail:\t2\nCachedSqHead:\t2\nCqMask:\t0xf\nCqHead:\t5\nCqTail:\t9\nCachedCqTail:\t9\n"
    "SQEs:\t0\nCQEs:\t1\n    0: user_data:0, res:0, flag:0\nSqThread:\t21441\nSqThreadCpu:\t1\n"
    "SqTotalTime:\t2000\nSqWorkTime:\t500\nUserFiles:\t3\n    0: /tmp/a\n    1: /tmp/b\n"
    "UserBufs:\t1\n    0: 0x7ffd/4096\nPollList:\n  op=6, task_works=0\n  op=13, task_works=0\n"
    "CqOverflowList:\n  user_data=7, res=0, flags=0\nNAPI:\tdisabled\n";

bool knows_nothing(const RingInfo& ring) {
  return !ring.sq_entries && !ring.sq_waiting && !ring.cq_entries && !ring.cq_unread &&
         !ring.sq_thread && !ring.files && !ring.polls && !ring.overflow;
}

}  // namespace

TEST_CASE("a ring's sizes, fill, poller and registrations are read from its fdinfo") {
  const RingInfo ring = parse_ring(kText, true);
  CHECK(ring.sq_entries == 8U);
  CHECK(ring.sq_waiting == 3U);  // head and tail wrap around
  CHECK(ring.cq_entries == 16U);
  CHECK(ring.cq_unread == 4U);
  CHECK(ring.sq_thread == 21441);
  CHECK(ring.sq_thread_cpu == 1);
  CHECK(ring.sq_total_us == 2000U);
  CHECK(ring.sq_work_us == 500U);
  CHECK(ring.files == 3U);
  CHECK(ring.buffers == 1U);
  CHECK(ring.polls == 2U);
  CHECK(ring.overflow == 1U);
}

TEST_CASE("what a ring's fdinfo doesn't say, or says badly, is absent and not zero") {
  CHECK(knows_nothing(parse_ring("", true)));
  CHECK(knows_nothing(parse_ring("pos:\t0\nflags:\t02000002\nino:\t1\n", true)));
  CHECK(
      knows_nothing(parse_ring("SqMask\nSqMask:\nSqMask: 0x\nSqMask:\t-1\nCqMask:\t0x6\n", true)));
  CHECK(knows_nothing(parse_ring("SqMask:\t99999999999\nSqThread:\t-1\nUserFiles:\t3x\n", true)));
  CHECK(knows_nothing(parse_ring("SqMask:\t0xffffffff\nSqHead:\t0\nSqTail:\t9\n", true)));
  const RingInfo torn = parse_ring("SqMask:\t0x7\nSqHead:\t1\nSqTail:\t20\n", true);
  CHECK(torn.sq_entries == 8U);
  CHECK_FALSE(torn.sq_waiting);  // more than there is room for
  CHECK_FALSE(parse_ring("SqThread:\t-1\nSqThreadCpu:\t-1\nSqTotalTime:\t0\n", true).sq_total_us);
}

TEST_CASE("a file's name in a ring's fdinfo can't speak for the kernel") {
  const RingInfo ring = parse_ring(
      "SqMask:\t0x7\nUserFiles:\t2\n    0: /tmp/x SqMask:\t0xff\n    SqThread:\t1\nPollList:\n"
      "SqMask:\t0xff\nUserFiles:\t9\nPollList:\n  op=1\n",
      true);
  CHECK(ring.sq_entries == 8U);
  CHECK(ring.files == 2U);
  CHECK(ring.polls == 0U);
  CHECK_FALSE(ring.sq_thread);
}

TEST_CASE("a ring's fdinfo cut off anywhere brings less, never more") {
  const RingInfo all = parse_ring(kText, true);
  for (size_t length = 0; length < kText.size(); ++length) {
    const RingInfo ring = parse_ring(std::string_view(kText).substr(0, length), false);
    CAPTURE(length);
    CHECK((!ring.polls || ring.polls == all.polls));
    CHECK((!ring.overflow || ring.overflow == all.overflow || length >= kText.size() - 15));
  }
  for (size_t at = 0; at < kText.size(); ++at) {
    std::string changed = kText;
    for (const char byte : {'\0', '\n', '\xff', ' ', ':', '9'}) {
      changed[at] = byte;
      parse_ring(changed, true);
    }
  }
}

}  // namespace timeslice
