/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stream mode: what happened, one by one? Each switch, wake-up, migration, fork, exec, rename and
 * exit becomes a small record of wire.h in the ring buffer of the CPU on which it happened.
 *
 * One ring per CPU, so that CPUs don't contend for a lock, and each ring's records are in the order
 * of time. The reader isn't woken by each record but whenever a quarter of a ring has been filled;
 * a reader that wants them sooner polls. A record without room is counted, and the next one that
 * has room is preceded by one that says how many are missing.
 *
 * A thread's identity is sent at fork, exec and rename, for all threads, also for those that
 * the filter excludes: they preempt and wake others.
 */
#include "row.h"
#include "wake_context.h"

/*
 * Only these processes and all that they fork are recorded, if `filtered` says so. By number, and
 * when the process began, for a number is free for another one before the first is forgotten; 0:
 * the one that has the number when it is met first.
 */
const volatile bool filtered = false;
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} tgid_filter SEC(".maps");

const volatile bool leave_out_reader = true; /* its wake-ups; never its switches */
const volatile bool switch_has_state = true; /* sched_switch has a fourth argument: since 5.18 */
const volatile __u64 wake_bytes = 0;	     /* wake the reader after this many */

__u32 reader_tgid;     /* as the first namespace numbers it */
__u64 clock_ns;	       /* as tell_time() has it */
__u64 filter_failures; /* processes that found no room in the filter */

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* the loader makes larger ones */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* the loader sets the number of cores */
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

/* Written by its own core; as long as a cache line, so that no two cores share one. */
struct stream_core {
	__u64 dropped; /* since the stream began */
	__u64 lost;    /* since this core's last record */
	__u64 unwoken; /* bytes since the reader was woken last */
	__u32 running; /* who has the core, as seen when it got it: the kernel's number … */
	__u32 running_nvcsw;
	__u32 running_tid; /* … the reader's … */
	__u32 running_tgid;
	__u64 running_task; /* … and where it lies, to be compared only */
	__u64 pad[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct stream_core);
} stream_cores SEC(".maps");

/*
 * A thread that isn't waited for is released (release_task()) before it leaves its CPU for the last
 * time: it has no id any more in a child PID namespace, and its process may not either. They are
 * kept from the start of its exit.
 */
struct last_numbers {
	__u32 tid, tgid;
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct last_numbers);
} last_numbers SEC(".maps");

/* All 0 where there is nothing to be known. */
static __always_inline struct last_numbers last_numbers_of(struct task_struct *task)
{
	struct last_numbers *kept, last = {};

	if (BPF_CORE_READ(task, thread_pid))
		return last;
	kept = bpf_task_storage_get(&last_numbers, task, 0, 0);
	if (kept)
		last = *kept;
	/* Else compilers read this and a task's field by one instruction, which verifiers refuse.
	 */
	barrier_var(last.tid);
	barrier_var(last.tgid);
	return last;
}

static __always_inline __u32 tgid_of(struct task_struct *task)
{
	__u32 tgid;

	if (reader_level == 0)
		return task->tgid;
	tgid = reader_tid(BPF_CORE_READ(task, group_leader));
	return tgid ? tgid : last_numbers_of(task).tgid;
}

static __always_inline __u32 tid_of(struct task_struct *task)
{
	__u32 tid;

	if (reader_level == 0 || task->pid == 0)
		return task->pid;
	tid = reader_tid(task);
	if (!tid)
		tid = last_numbers_of(task).tid;
	return tid ? tid : TS_TID_OUTSIDE;
}

static __always_inline void keep_last_numbers(struct task_struct *task)
{
	__u32 tid = reader_level ? reader_tid(task) : 0;
	struct last_numbers *last;

	if (!tid)
		return;
	last = bpf_task_storage_get(&last_numbers, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!last)
		return;
	last->tgid = tgid_of(task);
	last->tid = tid;
}

/* `task`: any of the process. */
static __always_inline bool is_wanted_process(__u32 tgid, struct task_struct *task)
{
	__u64 began, *wanted = bpf_map_lookup_elem(&tgid_filter, &tgid);

	if (!wanted)
		return false;
	began = BPF_CORE_READ(task, group_leader, start_boottime);
	if (*wanted == 0)
		*wanted = began;
	return *wanted == began;
}

static __always_inline bool is_wanted(struct task_struct *task)
{
	return !filtered || is_wanted_process(tgid_of(task), task);
}

static __always_inline bool is_left_out(struct task_struct *task)
{
	return leave_out_reader && task->tgid == reader_tgid;
}

static __always_inline struct stream_core *this_core(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&stream_cores, &cpu);
}

/* Room in this core's ring, its head filled; NULL where there is none. */
static __always_inline void *find_room(struct stream_core *core, __u8 kind, __u32 tid, __u8 prio,
				       const __u64 size)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct ts_event *event;

	if (!ring)
		return NULL;
	event = bpf_ringbuf_reserve(ring, size, 0);
	if (!event)
		return NULL;
	event->time_ns = bpf_ktime_get_ns();
	event->tid = tid;
	event->cpu = cpu;
	event->kind = kind;
	event->prio = prio;
	core->unwoken += size;
	return event;
}

static __always_inline void submit(struct stream_core *core, void *record)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (core->unwoken >= wake_bytes) {
		core->unwoken = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(record, flags);
}

/* False: there is a gap, and no room to tell it. */
static __always_inline bool tell_loss(struct stream_core *core)
{
	__u64 lost = core->lost;
	struct ts_event_lost *record;

	if (!lost)
		return true;
	record = find_room(core, TS_EVENT_LOST, 0, 0, sizeof(*record));
	if (!record)
		return false;
	record->records = lost;
	__sync_fetch_and_add(&core->lost, -lost);
	submit(core, record);
	return true;
}

/*
 * Room for an event; NULL, and counted, where there is none. A gap is told before the event that
 * follows it: one that can't be preceded by that is part of the gap, though the reader may have
 * made room for it by now.
 */
static __always_inline void *reserve(struct stream_core *core, __u8 kind, __u32 tid, __u8 prio,
				     const __u64 size)
{
	void *event = tell_loss(core) ? find_room(core, kind, tid, prio, size) : NULL;

	if (!event) {
		__sync_fetch_and_add(&core->dropped, 1);
		__sync_fetch_and_add(&core->lost, 1);
	}
	return event;
}

static __always_inline __u16 leaving_state(bool preempt, __u32 state)
{
	if (preempt)
		return TS_LEAVING_PREEMPTED;
	if (state & TASK_DEAD)
		return TS_LEAVING_DEAD;
	if ((state & TASK_UNINTERRUPTIBLE) && (state & TASK_NOLOAD))
		return TS_LEAVING_IDLE;
	return state & (TS_LEAVING_SLEEP | TS_LEAVING_DEEP_SLEEP | TS_LEAVING_STOPPED |
			TS_LEAVING_TRACED | TS_LEAVING_PARKED);
}

/*
 * Who leaves without being runnable goes by itself. Else, a running thread's nvcsw moves only when
 * it leaves: it still is what it was when it got the core, or not.
 */
static __always_inline __u16 leaving_kind(struct stream_core *core, struct task_struct *prev,
					  __u16 state)
{
	if (state != TS_LEAVING_RUNNABLE && state != TS_LEAVING_PREEMPTED)
		return TS_LEAVING_VOLUNTARY;
	if (core->running != (__u32)prev->pid)
		return 0;
	return core->running_nvcsw == (__u32)prev->nvcsw ? TS_LEAVING_INVOLUNTARY
							 : TS_LEAVING_VOLUNTARY;
}

/* The wait that ends now, as the kernel is about to add it to run_delay (kernel/sched/stats.h). */
static __always_inline __u64 ending_wait_ns(struct task_struct *next)
{
	__u64 queued = next->sched_info.last_queued;

	return queued ? next->se.cfs_rq->rq->clock - queued : 0;
}

/*
 * Those outside are told of as well: their names are wanted wherever they preempt or wake. All is
 * read by bpf_core_read, for one caller has a pointer of no type.
 */
static __always_inline int tell_identity(__u8 kind, struct task_struct *task, __u32 parent_tid,
					 const char *comm)
{
	struct stream_core *core = this_core();
	__u32 flags = BPF_CORE_READ(task, flags), tid = reader_tid(task), tgid;
	struct ts_event_identity *record;

	if (!core || !tid)
		return 0;
	record = reserve(core, kind, tid, BPF_CORE_READ(task, prio), sizeof(*record));
	if (!record)
		return 0;
	tgid = reader_tid(BPF_CORE_READ(task, group_leader));
	record->tgid = tgid;
	record->ppid = reader_tid(BPF_CORE_READ(task, real_parent, group_leader));
	record->parent_tid = parent_tid;
	record->flags = (flags & PF_KTHREAD ? TS_THREAD_KERNEL : 0) |
			(flags & PF_IO_WORKER ? TS_THREAD_IO_WORKER : 0) |
			(!filtered || is_wanted_process(tgid, task) ? 0 : TS_THREAD_OUTSIDE);
	record->start_ns = BPF_CORE_READ(task, start_boottime);
	__builtin_memset(record->comm, 0, sizeof(record->comm));
	bpf_probe_read_kernel_str(record->comm, sizeof(record->comm), comm);
	submit(core, record);
	return 0;
}

/*
 * A thread that isn't its process's leader and calls exec is given the leader's number, some time
 * before sched_process_exec tells. It is told as soon as it is met under the new one.
 */
static __always_inline void tell_new_number(struct stream_core *core, struct task_struct *task)
{
	__u32 pid = BPF_CORE_READ(task, pid);

	if (core->running_task != (__u64)task || core->running == pid || core->running_tgid != pid)
		return;
	tell_identity(TS_EVENT_EXEC, task, core->running_tid, task->comm);
	core->running = pid;
	core->running_tid = reader_tid(task);
}

/* Who runs here has the number that it was told with; a leader's may be its follower's already. */
static __always_inline __u32 runner_tid(struct stream_core *core, struct task_struct *task)
{
	return core->running_task == (__u64)task && core->running_tgid == task->tgid
		       ? core->running_tid
		       : tid_of(task);
}

static __always_inline void note_runner(struct stream_core *core, struct task_struct *next)
{
	core->running = next->pid;
	core->running_nvcsw = next->nvcsw;
	core->running_tid = tid_of(next);
	core->running_tgid = next->tgid;
	core->running_task = (__u64)next;
}

SEC("tp_btf/sched_switch")
int on_switch(__u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	struct stream_core *core = this_core();
	struct ts_event_switch *record;
	__u32 prev_tid;
	__u16 state;
	bool wanted;

	if (!core)
		return 0;
	state = leaving_state(ctx[0] & 1, switch_has_state ? ctx[3] : prev->__state);
	wanted = is_wanted(prev);
	if (wanted)
		tell_new_number(core, prev);
	state |= leaving_kind(core, prev, state);
	prev_tid = runner_tid(core, prev);
	note_runner(core, next);
	if (!wanted && !is_wanted(next))
		return 0;
	record = reserve(core, TS_EVENT_SWITCH, core->running_tid, next->prio, sizeof(*record));
	if (!record)
		return 0;
	record->prev_tid = prev_tid;
	record->prev_state = state;
	record->prev_nvcsw = prev->nvcsw;
	record->prev_nivcsw = prev->nivcsw;
	record->wait_ns = next->pid ? ending_wait_ns(next) : 0;
	submit(core, record);
	return 0;
}

static __always_inline int on_wake(__u8 kind, struct task_struct *task)
{
	struct stream_core *core = this_core();
	struct ts_event_wake *record;
	struct task_struct *current;

	if (!core || !is_wanted(task) || is_left_out(task))
		return 0;
	record = reserve(core, kind, tid_of(task), task->prio, sizeof(*record));
	if (!record)
		return 0;
	current = bpf_get_current_task_btf();
	record->waker_tid = runner_tid(core, current);
	record->target_cpu = core_of(task);
	record->context = wake_context(current);
	record->pad = 0;
	submit(core, record);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *task)
{
	return on_wake(TS_EVENT_WAKING, task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	return on_wake(TS_EVENT_WAKE_NEW, task);
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *task, int to_cpu)
{
	struct stream_core *core = this_core();
	struct ts_event_migrate *record;

	if (!core || !is_wanted(task))
		return 0;
	record = reserve(core, TS_EVENT_MIGRATE, tid_of(task), task->prio, sizeof(*record));
	if (!record)
		return 0;
	record->from_cpu = core_of(task);
	record->to_cpu = to_cpu;
	record->run_delay_low = task->sched_info.run_delay;
	submit(core, record);
	return 0;
}

/* What a wanted process forks is wanted too. */
static __always_inline void follow(struct task_struct *parent, struct task_struct *child)
{
	__u64 began;
	__u32 tgid;

	if (!filtered || child->pid != child->tgid || !is_wanted(parent))
		return;
	tgid = tgid_of(child);
	began = child->start_boottime;
	if (bpf_map_update_elem(&tgid_filter, &tgid, &began, BPF_ANY))
		__sync_fetch_and_add(&filter_failures, 1);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	follow(parent, child);
	return tell_identity(TS_EVENT_FORK, child, reader_tid(parent), child->comm);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	struct stream_core *core = this_core();

	if (core)
		tell_new_number(core, task);
	return tell_identity(TS_EVENT_EXEC, task, 0, task->comm);
}

/* Without types: verifiers of 6.1 let no typed program have a pointer to characters. */
SEC("raw_tp/task_rename")
int BPF_PROG(on_rename, struct task_struct *task, const char *comm)
{
	struct stream_core *core = this_core();

	if (core)
		tell_new_number(core, task);
	return tell_identity(TS_EVENT_RENAME, task, 0, comm);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct stream_core *core = this_core();
	struct ts_event_exit *record;

	keep_last_numbers(task);
	if (!core || !is_wanted(task))
		return 0;
	record = reserve(core, TS_EVENT_EXIT, tid_of(task), task->prio, sizeof(*record));
	if (!record)
		return 0;
	record->start_ns = task->start_boottime;
	record->nvcsw = task->nvcsw;
	record->nivcsw = task->nivcsw;
	record->cpu_ns = task->se.sum_exec_runtime;
	record->run_delay_ns = task->sched_info.run_delay;
	record->slices = task->sched_info.pcount;
	record->migrations = task->se.nr_migrations;
	submit(core, record);
	return 0;
}

/*
 * It comes some time after the number was given back: another process may have it, and be wanted.
 * In a namespace only the number that was kept is left.
 */
SEC("tp_btf/sched_process_free")
int BPF_PROG(on_free, struct task_struct *task)
{
	__u64 *wanted;
	__u32 tgid;

	if (!filtered || task->pid != task->tgid)
		return 0;
	tgid = tgid_of(task);
	wanted = bpf_map_lookup_elem(&tgid_filter, &tgid);
	if (wanted && *wanted == task->start_boottime)
		bpf_map_delete_elem(&tgid_filter, &tgid);
	return 0;
}

/* Run once by the reader before the probes are attached: ids are numbered as it sees them. */
SEC("syscall")
int meet_reader(void *ctx)
{
	struct task_struct *reader = bpf_get_current_task_btf();

	note_reader();
	reader_tgid = reader->tgid;
	return 0;
}

/* The clock of the records, for a reader whose own may be a time namespace's. */
SEC("syscall")
int tell_time(void *ctx)
{
	clock_ns = bpf_ktime_get_ns();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
