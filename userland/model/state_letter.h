// SPDX-License-Identifier: MIT
// Which letter has a thread that left its core so? As ps shows it: R S D T t X P I.
#pragma once
#include <cstdint>

#include "bpf/wire.h"

namespace timeslice::model {

inline char letter_of(uint16_t leaving) {
  switch (leaving & TS_LEAVING_STATES) {
    case TS_LEAVING_RUNNABLE:
    case TS_LEAVING_PREEMPTED:
      return 'R';
    case TS_LEAVING_DEEP_SLEEP:
      return 'D';
    case TS_LEAVING_STOPPED:
      return 'T';
    case TS_LEAVING_TRACED:
      return 't';
    case TS_LEAVING_DEAD:
    case TS_LEAVING_ZOMBIE:
      return 'X';
    case TS_LEAVING_PARKED:
      return 'P';
    case TS_LEAVING_IDLE:
      return 'I';
    default:
      return 'S';
  }
}

}  // namespace timeslice::model
