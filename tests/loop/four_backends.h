// SPDX-License-Identifier: MIT
// Which back ends does a case meet that begins with ON_FOUR_BACKENDS? All of them, `sim` in the
// real world and with its faults.
#pragma once
#include "tests/loop/support.h"

#define ON_FOUR_BACKENDS(options)                                                               \
  Options options;                                                                              \
  options.backend =                                                                             \
      GENERATE(BackendKind::uring, BackendKind::pool, BackendKind::blocking, BackendKind::sim); \
  options.sim.outside_world = true;                                                             \
  CAPTURE(static_cast<int>(options.backend));                                                   \
  if (options.backend == BackendKind::uring && !why_no_uring().empty()) SKIP_TEST(why_no_uring())
