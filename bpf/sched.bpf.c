/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aggregate mode: what doesn't the kernel keep? How long each single wait on the run queue was,
 * which thread preempted, and which woke which from what context. Four tracepoints write it to
 * task storage; a pass reads it in addition to count mode's row.
 *
 * Two choices keep the probes small and their sums exact:
 * - A wait is not timed by stamps of ours. At sched_switch the kernel is about to add this wait to
 *   next->sched_info.run_delay, and all it needs lies there (kernel/sched/stats.h). So our waits
 *   sum up to the kernel's to the nanosecond, and threads queued before we attached are right, too.
 * - Whether a switch was voluntary is not guessed from the task's state. The kernel has just
 *   incremented nvcsw or nivcsw (kernel/sched/core.c, __schedule): the one that changed. If
 *   it changed by more than one, we missed switches, and report them.
 *
 * Storage is made at fork and by a pass, never in sched_switch, where the run queue's lock is
 * held and an allocation could wake the very thread that needs that lock.
 */
#include "pass.h"
#include "wake_context.h"

/* Run on every core at once, so incremented atomically; all of them are rare events. */
__u64 forked;
__u64 ended;
__u64 storage_failures;

struct thread_state {
	struct ts_sched_row row;
	__u64 run_delay_seen; /* the kernel's run_delay when all waits so far are counted */
	__u64 nvcsw_seen;
	__u64 nivcsw_seen;
	__u64 slices_seen; /* the kernel's pcount once the last arrival that we saw is counted */
	__u64 seeded;	   /* 0: made, but not yet filled */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} thread_states SEC(".maps");

/* Written by its own core only; as long as a cache line, so that no two cores share one. */
struct core_state {
	__u64 busy_ns;
	__u64 idle_ns;
	__u64 last_ns; /* when the running thread got the core; 0: nothing seen yet */
	__u64 switches;
	__u64 unseeded;
	__u64 pad[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the loader sets the number of cores */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct core_state);
} core_states SEC(".maps");

/* From here on the thread's events count; called once, before `seeded` lets the probes in. */
static __always_inline void seed(struct thread_state *state, struct task_struct *task)
{
	state->row.record.kind = TS_RECORD_SCHED;
	state->row.record.size = sizeof(state->row);
	state->row.since_ns = bpf_ktime_get_ns();
	state->row.last_preemptor = TS_PEERS;
	state->row.last_waker = TS_PEERS;
	state->run_delay_seen = task->sched_info.run_delay;
	state->nvcsw_seen = task->nvcsw;
	state->nivcsw_seen = task->nivcsw;
	state->slices_seen = task->sched_info.pcount;
	asm volatile("" ::: "memory"); /* the probes may look from now on */
	state->seeded = 1;
}

static __always_inline struct thread_state *state_of(struct task_struct *task)
{
	struct thread_state *state = bpf_task_storage_get(&thread_states, task, 0, 0);

	return state && state->seeded ? state : NULL;
}

static __always_inline struct thread_state *make_state(struct task_struct *task)
{
	struct thread_state *state;

	state = bpf_task_storage_get(&thread_states, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state)
		__sync_fetch_and_add(&storage_failures, 1);
	else if (!state->seeded)
		seed(state, task);
	return state;
}

/*
 * Space-Saving: a peer that has no slot takes the rarest one's, and inherits its count as error.
 * Returns the slot. `task` may be NULL where the peer is an interrupt.
 */
static __always_inline __u32 note_peer(struct ts_peer *peers, struct task_struct *task,
				       __u32 context)
{
	__u32 kernel_tid = task ? task->pid : 0;
	__u32 rarest = 0;
	struct ts_peer *peer;

#pragma unroll
	for (__u32 i = 0; i < TS_PEERS; i++) {
		peer = &peers[i];
		if (peer->count && peer->kernel_tid == kernel_tid && peer->context == context) {
			peer->count++;
			return i;
		}
		if (peer->count < peers[rarest & (TS_PEERS - 1)].count)
			rarest = i;
	}
	peer = &peers[rarest & (TS_PEERS - 1)];
	peer->error = peer->count++;
	peer->kernel_tid = kernel_tid;
	peer->context = context;
	peer->tid = task ? reader_tid(task) : 0;
	peer->comm[0] = 0;
	if (task)
		bpf_core_read_str(peer->comm, sizeof(peer->comm), &task->comm);
	return rarest;
}

static __always_inline struct core_state *this_core(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&core_states, &cpu);
}

static __always_inline void core_switched(struct core_state *core, struct task_struct *prev)
{
	__u64 now = bpf_ktime_get_ns();

	if (core->last_ns && prev->pid == 0)
		core->idle_ns += now - core->last_ns;
	else if (core->last_ns)
		core->busy_ns += now - core->last_ns;
	core->last_ns = now;
	core->switches++;
}

/*
 * A wait has ended: the thread has got a core `slices` times, after `delay` ns of waiting in all.
 * More than one since we last looked: their sum is known, not their lengths.
 */
static __always_inline void count_wait(struct thread_state *state, __u64 delay, __u64 slices)
{
	__u64 wait = delay - state->run_delay_seen;
	__u64 ended = slices - state->slices_seen;
	__u64 bucket;

	state->run_delay_seen = delay;
	state->slices_seen = slices;
	state->row.wait_sum_ns += wait;
	if (ended != 1) {
		state->row.missed_waits += ended;
		return;
	}
	state->row.waits++;
	if (wait > state->row.wait_max_ns)
		state->row.wait_max_ns = wait;
	bucket = ts_wait_bucket(wait);
	/* Bound the very register that indexes: verifiers up to 6.1 don't follow its copies. */
	asm volatile("" : "+r"(bucket));
	if (bucket < TS_WAIT_BUCKETS)
		state->row.wait_hist[bucket]++;
}

static __always_inline void leaves(struct core_state *core, struct task_struct *prev,
				   struct task_struct *next)
{
	struct thread_state *state = state_of(prev);
	__u64 voluntary, involuntary;

	if (!state) {
		core->unseeded++;
		return;
	}
	/* It came from a thread whose switch we didn't see: then its wait is counted now. */
	if (prev->sched_info.pcount != state->slices_seen)
		count_wait(state, prev->sched_info.run_delay, prev->sched_info.pcount);
	voluntary = prev->nvcsw - state->nvcsw_seen;
	involuntary = prev->nivcsw - state->nivcsw_seen;
	state->nvcsw_seen += voluntary;
	state->nivcsw_seen += involuntary;
	if (voluntary + involuntary != 1) {
		state->row.missed += voluntary + involuntary;
	} else if (voluntary) {
		state->row.voluntary++;
	} else {
		state->row.involuntary++;
		state->row.last_preemptor = note_peer(state->row.preemptors, next, TS_CONTEXT_TASK);
	}
}

static __always_inline void arrives(struct task_struct *next)
{
	struct thread_state *state = state_of(next);
	__u64 queued = next->sched_info.last_queued;

	if (!state || !queued)
		return;
	count_wait(state, next->sched_info.run_delay + next->se.cfs_rq->rq->clock - queued,
		   next->sched_info.pcount + 1);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct core_state *core = this_core();

	if (!core)
		return 0;
	core_switched(core, prev);
	if (prev->pid)
		leaves(core, prev, next);
	if (next->pid)
		arrives(next);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *task)
{
	struct thread_state *state = state_of(task);
	struct task_struct *current;
	__u32 context;

	if (!state)
		return 0;
	current = bpf_get_current_task_btf();
	context = wake_context(current);
	state->row.wakeups[context & (TS_CONTEXTS - 1)]++;
	state->row.last_waker =
		note_peer(state->row.wakers, context == TS_CONTEXT_TASK ? current : NULL, context);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct thread_state *state = make_state(child);

	__sync_fetch_and_add(&forked, 1);
	if (!state)
		return 0;
	state->row.wakeups[TS_CONTEXT_TASK]++;
	state->row.last_waker = note_peer(state->row.wakers, parent, TS_CONTEXT_TASK);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__sync_fetch_and_add(&ended, 1);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PASS_ROWS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct ts_sched_row);
} sched_rows SEC(".maps");

/* Waits that ended unseen, of a thread that still runs: its leaving will bring them to account. */
static __always_inline __u64 waits_missed_since(struct thread_state *state,
						struct task_struct *task)
{
	__u64 slices = task->sched_info.pcount;

	return slices > state->slices_seen ? slices - state->slices_seen : 0;
}

/* A thread that has a new row has a new row of ours as well; its kind stays 0 without storage. */
static __always_inline void handle_thread(struct task_struct *task)
{
	__u32 index = visit(task);
	struct thread_state *state;
	struct ts_sched_row *row;

	if (index == NO_ROW)
		return;
	state = make_state(task);
	row = bpf_map_lookup_elem(&sched_rows, &index);
	if (!row)
		return;
	if (!state) {
		row->record.kind = 0;
		visit_again();
		return;
	}
	bpf_probe_read_kernel(row, sizeof(*row), &state->row);
	row->missed_waits += waits_missed_since(state, task);
	/* Finished waits that no later arrival has brought to account yet. */
	row->wait_sum_ns += task->sched_info.run_delay > state->run_delay_seen
				    ? task->sched_info.run_delay - state->run_delay_seen
				    : 0;
}

char LICENSE[] SEC("license") = "GPL";
