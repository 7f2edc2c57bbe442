/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How do ten thousand threads reach the reader in a millisecond? By transferring only what changed.
 *
 * A pass visits every thread, always in the same order. A thread that sleeps now, slept at the last
 * pass and hasn't been switched out since, hasn't run: its row is the one that the reader holds at
 * this position, and reading its switch counters is all it costs. A thread that ran, runs, waits
 * for a CPU, or is at another thread's position, gets a new row in memory that the reader has
 * mapped; so does a process's first thread when another of its threads has ended, for that row also
 * has what those did. (What others change of a sleeper, as its nice value, comes with the next of
 * its regular rows: each pass also renews a 32nd of all.)
 *
 * Rows without room are not lost: the thread isn't marked as seen, `deferred` counts it,
 * and the reader calls again.
 */
#ifndef TIMESLICE_PASS_H
#define TIMESLICE_PASS_H

#include "kfuncs.h"
#include "row.h"

#define PASS_ROWS 4096 /* room for the rows of one call */
#define RENEWAL 32     /* a power of two */
#define NO_ROW (~0U)

/* Only threads of the tgids in this map are visited, if `filtered` says so. */
const volatile bool filtered = false;
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024); /* the loader makes as many as there are chosen */
	__type(key, __u32);
	__type(value, __u8);
} tgid_filter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PASS_ROWS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct ts_thread_row);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the loader sets the number of cores */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct ts_core_row);
} cores SEC(".maps");

/* Which thread stood at a position at the last pass, and what had been counted of it. */
struct seen {
	__u64 start_ns;
	__u32 kernel_tid;
	__u32 counted; /* the low bits: enough to tell that it moved */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the loader makes room; a thread beyond it always gets a row */
	__type(key, __u32);
	__type(value, struct seen);
} seen_threads SEC(".maps");

/* Set by the reader before each call. */
__u32 renew;	 /* the positions to renew, modulo RENEWAL; RENEWAL or more: none */
__u32 resume_at; /* positions before it were handed over by an earlier call of this pass */

/* Set to 0 by the reader before each call, read by it afterwards. */
__u32 visited;	      /* threads */
__u32 used;	      /* rows */
__u32 deferred;	      /* rows that found no room */
__u32 first_deferred; /* the position of the first of them */

/* The walk begins with the idle thread, and passes through PID namespaces that aren't the reader's.
 */
static __always_inline bool is_wanted(struct task_struct *task)
{
	__u32 tgid;

	if (task->pid == 0)
		return false;
	if (!filtered)
		return reader_level == 0 || reader_tid(task) != 0;
	tgid = reader_tid(BPF_CORE_READ(task, group_leader));
	return bpf_map_lookup_elem(&tgid_filter, &tgid) != NULL;
}

/* Moves when the thread was switched out, or a thread ended of the process that it leads. */
static __always_inline __u32 counted(struct task_struct *task)
{
	__u32 switches = task->nvcsw + task->nivcsw;

	return leads_a_process(task) ? switches + (__u32)ended_cpu_ns(task) : switches;
}

/* Does the thread that stood here at the last pass still, and has it slept ever since? */
static __always_inline bool is_known(struct task_struct *task, struct seen *seen, __u32 position)
{
	if (seen->start_ns != task->start_boottime || seen->kernel_tid != task->pid)
		return false;
	if (position < resume_at)
		return true;
	return task->__state != 0 && (position & (RENEWAL - 1)) != renew &&
	       seen->counted == counted(task);
}

static __always_inline void note_seen(struct task_struct *task, struct seen *seen)
{
	seen->start_ns = task->start_boottime;
	seen->kernel_tid = task->pid;
	seen->counted = counted(task);
	/* One that runs or waits may go to sleep without being counted anew: look again next time.
	 */
	if (task->__state == 0)
		seen->counted--;
}

/* The thread visited last gets a row at the next pass, too: something of it is still missing. */
static __always_inline void visit_again(void)
{
	__u32 position = visited - 1;
	struct seen *seen = bpf_map_lookup_elem(&seen_threads, &position);

	if (seen)
		seen->counted--;
}

static __always_inline void visit_core(struct task_struct *task)
{
	struct ts_core_row *core;
	__u32 cpu;

	if (!is_core_guide(task))
		return;
	cpu = BPF_CORE_READ(task, se.cfs_rq, rq, cpu);
	core = bpf_map_lookup_elem(&cores, &cpu);
	if (core)
		fill_core_row(core, task);
}

/* Visits one thread. Returns the index of the row that it got, or NO_ROW. */
static __always_inline __u32 visit(struct task_struct *task)
{
	struct ts_thread_row *row;
	__u32 position, index;
	struct seen *seen;

	visit_core(task);
	if (!is_wanted(task))
		return NO_ROW;
	position = visited++;
	seen = bpf_map_lookup_elem(&seen_threads, &position);
	if (seen ? is_known(task, seen, position) : position < resume_at)
		return NO_ROW;
	index = used;
	row = bpf_map_lookup_elem(&rows, &index);
	if (!row) {
		if (deferred++ == 0)
			first_deferred = position;
		return NO_ROW;
	}
	used = index + 1;
	if (seen)
		note_seen(task, seen);
	fill_thread_row(row, task);
	row->position = position;
	return index;
}

/*
 * Since 6.7 a program can walk the task list itself, which costs a third of the iterator: no
 * reference is taken and no id looked up. Older kernels do the same by iter/task. Both programs
 * are here, and each mode has them.
 */
struct bpf_iter_task {
	__u64 opaque[3];
} __attribute__((aligned(8)));

#define ITERATE_ALL_THREADS 1

static int (*bpf_iter_task_new)(struct bpf_iter_task *it, struct task_struct *task,
				unsigned int flags) = (void *)TS_ITER_NEW;
static struct task_struct *(*bpf_iter_task_next)(struct bpf_iter_task *it) = (void *)TS_ITER_NEXT;
static void (*bpf_iter_task_destroy)(struct bpf_iter_task *it) = (void *)TS_ITER_DESTROY;
static void (*bpf_rcu_read_lock)(void) = (void *)TS_RCU_READ_LOCK;
static void (*bpf_rcu_read_unlock)(void) = (void *)TS_RCU_READ_UNLOCK;

#define FOR_EACH_THREAD(task, iterator)                                                            \
	for (bpf_iter_task_new(&iterator, NULL, ITERATE_ALL_THREADS);                              \
	     (task = bpf_iter_task_next(&iterator)) || (bpf_iter_task_destroy(&iterator), 0);)

/* What a mode does with each thread: visit() it, and what it adds to the row. */
static __always_inline void handle_thread(struct task_struct *task);

SEC("syscall")
int walk_threads(void *ctx)
{
	struct bpf_iter_task iterator;
	struct task_struct *task;

	note_reader();
	bpf_rcu_read_lock();
	FOR_EACH_THREAD(task, iterator)
	handle_thread(task);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("iter/task")
int read_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	note_reader();
	if (task)
		handle_thread(task);
	return 0;
}

#endif
