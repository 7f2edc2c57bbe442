// SPDX-License-Identifier: MIT
// Made-up events of bpf/wire.h: what a recorder would have written, without a kernel.
#pragma once
#include <cstring>

#include "bpf/wire.h"

namespace made_up {

constexpr uint16_t asleep = TS_LEAVING_SLEEP | TS_LEAVING_VOLUNTARY;
constexpr uint16_t preempted = TS_LEAVING_RUNNABLE | TS_LEAVING_INVOLUNTARY;
constexpr uint16_t dead = TS_LEAVING_DEAD | TS_LEAVING_VOLUNTARY;

inline ts_event_switch switched(uint64_t time_ns, uint16_t cpu, uint32_t prev_tid,
                                uint16_t prev_state, uint32_t tid,
                                uint64_t wait_ns = TS_WAIT_UNKNOWN) {
  ts_event_switch event{};
  event.event = {time_ns, tid, cpu, TS_EVENT_SWITCH, 120};
  event.prev_tid = prev_tid;
  event.prev_state = prev_state;
  event.wait_ns = wait_ns;
  return event;
}

inline ts_event_wake woken(uint64_t time_ns, uint16_t cpu, uint32_t tid, uint32_t waker_tid,
                           uint8_t context = TS_CONTEXT_TASK) {
  ts_event_wake event{};
  event.event = {time_ns, tid, cpu, TS_EVENT_WAKING, 120};
  event.waker_tid = waker_tid;
  event.target_cpu = cpu;
  event.context = context;
  return event;
}

inline ts_event_migrate migrated(uint64_t time_ns, uint32_t tid, uint16_t from, uint16_t to,
                                 uint32_t run_delay_low) {
  ts_event_migrate event{};
  event.event = {time_ns, tid, from, TS_EVENT_MIGRATE, 120};
  event.from_cpu = from;
  event.to_cpu = to;
  event.run_delay_low = run_delay_low;
  return event;
}

inline ts_event_identity forked(uint64_t time_ns, uint16_t cpu, uint32_t parent_tid, uint32_t tgid,
                                uint32_t tid, uint64_t start_ns, const char* comm = "child") {
  ts_event_identity event{};
  event.event = {time_ns, tid, cpu, TS_EVENT_FORK, 120};
  event.tgid = tgid;
  event.parent_tid = parent_tid;
  event.start_ns = start_ns;
  strncpy(event.comm, comm, TS_COMM_SIZE - 1);
  return event;
}

inline ts_event_lost lost(uint64_t time_ns, uint16_t cpu, uint64_t records) {
  return {{time_ns, 0, cpu, TS_EVENT_LOST, 0}, records};
}

}  // namespace made_up
