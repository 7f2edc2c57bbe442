// SPDX-License-Identifier: MIT
// Which fields do our own messages have? A table for each struct, in the order in which they are
// written. Numbers are for ever: a field that goes leaves its number unused.
// docs/timeslice.proto shows the same as a schema, which a test compares.
#pragma once
#include "bpf/wire.h"
#include "trace/field_table.h"
#include "trace/recording.h"

namespace timeslice::trace {

inline constexpr uint32_t kVersion = 1;  // of a header

namespace table {

inline constexpr std::tuple kHeader{
    field_at("version", 1, &Header::version),
    field_at("begin_ns", 2, &Header::begin_ns),
    field_at("boot_offset_ns", 3, &Header::boot_offset_ns),
    field_at("realtime_ns", 4, &Header::realtime_ns),
    field_at("cores", 5, &Header::cores),
    field_at("filtered", 6, &Header::filtered),
    field_at<Form::one_by_one>("tgid", 7, &Header::tgids),
    field_at("asked", 8, &Header::asked),
    field_at("recorder_tgid", 9, &Header::recorder_tgid),
    field_at("online", 10, &Header::online),
    field_at("idle", 11, &Header::idle),
    field_at("loop_block_ns", 12, &Header::loop_block_ns),
    field_at("rings", 20, &Header::rings),
};

// Of who isn't recorded this is all there is.
inline constexpr std::tuple kRowName{
    field_at("tid", 1, &ts_thread_row::tid),   field_at("tgid", 2, &ts_thread_row::tgid),
    field_at("ppid", 3, &ts_thread_row::ppid), field_at("start_ns", 4, &ts_thread_row::start_ns),
    field_at("comm", 5, &ts_thread_row::comm), field_at("flags", 11, &ts_thread_row::flags),
};
inline constexpr std::tuple kRowRest{
    field_at("state", 6, &ts_thread_row::state),
    field_at("cpu", 7, &ts_thread_row::cpu),
    field_at<Form::zigzag>("prio", 8, &ts_thread_row::prio),
    field_at<Form::zigzag>("nice", 9, &ts_thread_row::nice),
    field_at("policy", 10, &ts_thread_row::policy),
    field_at(
        "have", 12, [](auto& row) -> auto& { return row.record.have; }),
    field_at("nvcsw", 13, &ts_thread_row::nvcsw),
    field_at("nivcsw", 14, &ts_thread_row::nivcsw),
    field_at("cpu_ns", 15, &ts_thread_row::cpu_ns),
    field_at("run_delay_ns", 16, &ts_thread_row::run_delay_ns),
    field_at("pending_wait_ns", 17, &ts_thread_row::pending_wait_ns),
    field_at("slices", 18, &ts_thread_row::slices),
    field_at("migrations", 19, &ts_thread_row::migrations),
    field_at<Form::zigzag>("syscall_nr", 20, &ts_thread_row::syscall_nr),
    field_at("cgroup_id", 21, &ts_thread_row::cgroup_id),
    field_at("ended_cpu_ns", 22, &ts_thread_row::ended_cpu_ns),
    field_at("ended_nvcsw", 23, &ts_thread_row::ended_nvcsw),
    field_at("ended_nivcsw", 24, &ts_thread_row::ended_nivcsw),
};
inline constexpr auto kRow = std::tuple_cat(kRowName, kRowRest);

inline constexpr std::tuple kRole{
    field_at("tid", 1, &RoleNote::tid),
    field_at("start_ns", 2, &RoleNote::start_ns),
    field_at("name", 3, &RoleNote::name),
    field_at("evidence", 4, &RoleNote::evidence),
    field_at("confidence", 5, &RoleNote::confidence),
};

inline constexpr std::tuple kRuntime{
    field_at("tgid", 1, &RuntimeNote::tgid),
    field_at("start_ns", 2, &RuntimeNote::start_ns),
    field_at("name", 3, &RuntimeNote::runtime),
};

inline constexpr std::tuple kLoop{
    field_at("tgid", 1, &LoopNote::tgid),
    field_at("tid", 2, &LoopNote::tid),
    field_at("main", 3, &LoopNote::is_main),
    field_at("command", 4, &LoopNote::command),
};

inline constexpr std::tuple kLoopProcess{
    field_at("tgid", 1, &LoopProcessNote::tgid),
    field_at("cluster", 2, &LoopProcessNote::cluster),
    field_at("port", 3, &LoopProcessNote::ports),
    field_at("up_since_ns", 4, &LoopProcessNote::up_since_ns),
};

inline constexpr std::tuple kLoopStretch{
    field_at("tgid", 1, &LoopStretchNote::tgid),
    field_at("tid", 2, &LoopStretchNote::tid),
    field_at("begin_ns", 3, &LoopStretchNote::begin_ns),
    field_at("end_ns", 4, &LoopStretchNote::end_ns),
    field_at("looks", 5, &LoopStretchNote::looks),
    field_at("longest_gap_ns", 6, &LoopStretchNote::longest_gap_ns),
    field_at("counts_turns", 7, &LoopStretchNote::counts_turns),
    field_at("turns", 8, &LoopStretchNote::turns),
    field_at("oncpu_ns", 9, &LoopStretchNote::oncpu_ns),
    field_at("wait_ns", 10, &LoopStretchNote::wait_ns),
    field_at("asleep_ns", 11, &LoopStretchNote::asleep_ns),
    field_at("idle_asleep_ns", 12, &LoopStretchNote::idle_asleep_ns),
    field_at("idle_ready_ns", 13, &LoopStretchNote::idle_ready_ns),
    field_at("longest_turn_ns", 14, &LoopStretchNote::longest_turn_ns),
    field_at("vm_looks", 15, &LoopStretchNote::vm_looks),
    field_at("garbage_collector", 16, &LoopStretchNote::garbage_collector),
    field_at("delay_ns", 17, &LoopStretchNote::delays_ns),
    field_at("javascript", 18, &LoopStretchNote::javascript),
    field_at("compiler", 19, &LoopStretchNote::compiler),
    field_at("native", 20, &LoopStretchNote::native),
};

inline constexpr std::tuple kFrame{
    field_at("function", 1, &FrameNote::function), field_at("file", 2, &FrameNote::file),
    field_at("line", 3, &FrameNote::line),         field_at("column", 4, &FrameNote::column),
    field_at("exact", 5, &FrameNote::exact),       field_at("evaluated", 6, &FrameNote::evaluated),
};

// Beside a frame of its own, and those of its stack.
inline constexpr std::tuple kLoopFunction{
    field_at("samples", 2, &LoopFunctionNote::samples),
};

// Beside its functions.
inline constexpr std::tuple kLoopBlock{
    field_at("tgid", 1, &LoopBlockNote::tgid),
    field_at("tid", 2, &LoopBlockNote::tid),
    field_at("start_ns", 3, &LoopBlockNote::start_ns),
    field_at("duration_ns", 4, &LoopBlockNote::duration_ns),
    field_at("oncpu_ns", 5, &LoopBlockNote::oncpu_ns),
    field_at("wait_ns", 6, &LoopBlockNote::wait_ns),
    field_at("ended", 7, &LoopBlockNote::ended),
    field_at("samples", 8, &LoopBlockNote::samples),
    field_at("dropped", 9, &LoopBlockNote::dropped),
    field_at("named", 10, &LoopBlockNote::named),
    field_at("garbage_collector", 11, &LoopBlockNote::garbage_collector),
    field_at("phase", 12, &LoopBlockNote::phase),
    field_at("javascript", 14, &LoopBlockNote::javascript),
    field_at("compiler", 15, &LoopBlockNote::compiler),
    field_at("native", 16, &LoopBlockNote::native),
};

inline constexpr std::tuple kPoolStretch{
    field_at("tgid", 1, &PoolStretchNote::tgid),
    field_at("begin_ns", 2, &PoolStretchNote::begin_ns),
    field_at("end_ns", 3, &PoolStretchNote::end_ns),
    field_at("looks", 4, &PoolStretchNote::looks),
    field_at("saturated_looks", 5, &PoolStretchNote::saturated_looks),
    field_at("full_looks", 6, &PoolStretchNote::full_looks),
    field_at("threads", 7, &PoolStretchNote::threads),
    field_at("busy", 8, &PoolStretchNote::busy),
    field_at("counts_queue", 9, &PoolStretchNote::counts_queue),
    field_at("queued", 10, &PoolStretchNote::queued),
    field_at("slow", 11, &PoolStretchNote::slow),
    field_at("most_queued", 12, &PoolStretchNote::most_queued),
    field_at("waits", 13, &PoolStretchNote::waits),
    field_at("wait_ns", 14, &PoolStretchNote::wait_ns),
    field_at("longest_wait_ns", 15, &PoolStretchNote::longest_wait_ns),
};

inline constexpr std::tuple kLoopTrouble{
    field_at("tgid", 1, &LoopTroubleNote::tgid),
    field_at("names_only", 2, &LoopTroubleNote::names_only),
    field_at("why", 3, &LoopTroubleNote::why),
};

inline constexpr std::tuple kRing{
    field_at("tgid", 1, &RingNote::tgid),
    field_at<Form::zigzag>("fd", 2, &RingNote::fd),
    field_at("time_ns", 3, &RingNote::time_ns),
    field_at("command", 4, &RingNote::command),
    field_at("sq_entries", 5, &RingNote::sq_entries),
    field_at("sq_waiting", 6, &RingNote::sq_waiting),
    field_at("cq_entries", 7, &RingNote::cq_entries),
    field_at("cq_unread", 8, &RingNote::cq_unread),
    field_at("sq_thread", 9, &RingNote::sq_thread),
    field_at("sq_thread_cpu", 10, &RingNote::sq_thread_cpu),
    field_at("sq_work_ratio", 11, &RingNote::sq_work_ratio),
    field_at("files", 12, &RingNote::files),
    field_at("buffers", 13, &RingNote::buffers),
    field_at("polls", 14, &RingNote::polls),
    field_at("overflow", 15, &RingNote::overflow),
};

inline constexpr std::tuple kRingOp{
    field_at("slot", 1, &RingOpNote::slot),
    field_at("inline", 2, &RingOpNote::in_line),
    field_at("async_callback", 3, &RingOpNote::async_callback),
    field_at("poll", 4, &RingOpNote::poll),
    field_at("io_wq", 5, &RingOpNote::io_wq),
    field_at("shots", 6, &RingOpNote::shots),
    field_at("refused", 7, &RingOpNote::refused),
    field_at("submitted", 8, &RingOpNote::submitted),
    field_at("without_cqe", 9, &RingOpNote::without_cqe),
    field_at("unseen", 10, &RingOpNote::unseen),
    field_at("latency_sum_ns", 11, &RingOpNote::latency_sum_ns),
    field_at("latency_bucket", 12, &RingOpNote::latency_buckets),
    field_at("latency_count", 13, &RingOpNote::latency_counts),
};

// Beside its operations.
inline constexpr std::tuple kRingStretch{
    field_at("tgid", 1, &RingStretchNote::tgid),
    field_at<Form::zigzag>("fd", 2, &RingStretchNote::fd),
    field_at("begin_ns", 3, &RingStretchNote::begin_ns),
    field_at("end_ns", 4, &RingStretchNote::end_ns),
    field_at("in_flight", 5, &RingStretchNote::in_flight),
};

inline constexpr std::tuple kRingThreads{
    field_at("tgid", 1, &RingThreadsNote::tgid),
    field_at("begin_ns", 2, &RingThreadsNote::begin_ns),
    field_at("end_ns", 3, &RingThreadsNote::end_ns),
    field_at("submitters", 4, &RingThreadsNote::submitters),
    field_at("submitters_cpu_ns", 5, &RingThreadsNote::submitters_cpu_ns),
    field_at("submitters_nvcsw", 6, &RingThreadsNote::submitters_nvcsw),
    field_at("submitters_nivcsw", 7, &RingThreadsNote::submitters_nivcsw),
    field_at("workers", 8, &RingThreadsNote::workers),
    field_at("workers_cpu_ns", 9, &RingThreadsNote::workers_cpu_ns),
    field_at("workers_nvcsw", 10, &RingThreadsNote::workers_nvcsw),
    field_at("workers_nivcsw", 11, &RingThreadsNote::workers_nivcsw),
    field_at("sqpoll", 12, &RingThreadsNote::sqpoll),
    field_at("sqpoll_cpu_ns", 13, &RingThreadsNote::sqpoll_cpu_ns),
    field_at("sqpoll_nvcsw", 14, &RingThreadsNote::sqpoll_nvcsw),
    field_at("sqpoll_nivcsw", 15, &RingThreadsNote::sqpoll_nivcsw),
};

inline constexpr std::tuple kRingTrust{
    field_at("begin_ns", 1, &RingTrustNote::begin_ns),
    field_at("end_ns", 2, &RingTrustNote::end_ns),
    field_at("overflows", 3, &RingTrustNote::overflows),
    field_at("missed_runs", 4, &RingTrustNote::missed_runs),
    field_at("probe_ns", 5, &RingTrustNote::probe_ns),
    field_at("probe_ops", 6, &RingTrustNote::probe_ops),
};

inline constexpr std::tuple kClosing{
    field_at("end_ns", 1, &Closing::end_ns),
    field_at("lost", 2, &Closing::lost),
    field_at("filter_failures", 3, &Closing::filter_failures),
    field_at("suspended_ns", 4, &Closing::suspended_ns),
    field_at("recorder_cpu_ns", 5, &Closing::recorder_cpu_ns),
    field_at("ended_by", 6, &Closing::ended_by),
};

// The rare events are one message; each has the first of these tables and one of the others.
inline constexpr std::tuple kRare{
    field_at("kind", 1, &ts_event::kind),
    field_at("time_ns", 2, &ts_event::time_ns),
    field_at("tid", 3, &ts_event::tid),
    field_at("prio", 4, &ts_event::prio),
};
inline constexpr std::tuple kIdentity{
    field_at("tgid", 5, &ts_event_identity::tgid),
    field_at("ppid", 6, &ts_event_identity::ppid),
    field_at("parent_tid", 7, &ts_event_identity::parent_tid),
    field_at("flags", 8, &ts_event_identity::flags),
    field_at("start_ns", 9, &ts_event_identity::start_ns),
    field_at("comm", 10, &ts_event_identity::comm),
};
inline constexpr std::tuple kExit{
    field_at("start_ns", 9, &ts_event_exit::start_ns),
    field_at("nvcsw", 11, &ts_event_exit::nvcsw),
    field_at("nivcsw", 12, &ts_event_exit::nivcsw),
    field_at("cpu_ns", 13, &ts_event_exit::cpu_ns),
    field_at("run_delay_ns", 14, &ts_event_exit::run_delay_ns),
    field_at("slices", 15, &ts_event_exit::slices),
    field_at("migrations", 16, &ts_event_exit::migrations),
};
inline constexpr std::tuple kLost{
    field_at("records", 17, &ts_event_lost::records),
};

}  // namespace table
}  // namespace timeslice::trace
