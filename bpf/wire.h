/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What do the kernel's side and ours say to each other, byte for byte?
 *
 * The one layout shared by the eBPF programs, the kernel module and the C++ tools. Widths are
 * fixed, there are no pointers, each struct's size is a multiple of 8 and is asserted below, so
 * that a change in one language breaks the build of the others instead of their numbers.
 *
 * Each record opens with a ts_record that names its kind, its size, and what of it was measured.
 * Figures are totals since the thread or core began, unless they say otherwise; whoever wants a
 * rate subtracts two passes. Times are nanoseconds; CLOCK_MONOTONIC where a moment is meant.
 */
#ifndef TIMESLICE_WIRE_H
#define TIMESLICE_WIRE_H

#include <linux/types.h>

#define TS_WIRE_VERSION 3
#define TS_COMM_SIZE 16
#define TS_SYSCALL_ARGS 4

enum ts_record_kind {
	TS_RECORD_THREAD = 1, /* struct ts_thread_row */
	TS_RECORD_SCHED = 2,  /* struct ts_sched_row */
	TS_RECORD_CORE = 3,   /* struct ts_core_row */
};

struct ts_record {
	__u16 kind; /* enum ts_record_kind */
	__u16 size; /* of the whole record, this header included */
	__u32 have; /* enum ts_have: which groups of fields were measured */
};

/* A field whose group isn't named in `have` is absent: show a gap, never its zero. */
enum ts_have {
	TS_HAVE_SWITCHES = 1 << 0,	  /* nvcsw, nivcsw */
	TS_HAVE_CPU = 1 << 1,		  /* cpu_ns */
	TS_HAVE_WAIT = 1 << 2,		  /* run_delay_ns, slices */
	TS_HAVE_PENDING = 1 << 3,	  /* pending_wait_ns */
	TS_HAVE_MIGRATIONS = 1 << 4,	  /* migrations */
	TS_HAVE_VRUNTIME = 1 << 5,	  /* vruntime_ns */
	TS_HAVE_SYSCALL = 1 << 6,	  /* syscall_nr, syscall_args, user_sp */
	TS_HAVE_CGROUP = 1 << 7,	  /* cgroup_id */
	TS_HAVE_ON_CPU = 1 << 8,	  /* TS_THREAD_ON_CPU tells running from runnable */
	TS_HAVE_FLAGS = 1 << 9,		  /* TS_THREAD_KERNEL and TS_THREAD_IO_WORKER are known */
	TS_HAVE_ENDED_CPU = 1 << 10,	  /* ended_cpu_ns */
	TS_HAVE_ENDED_SWITCHES = 1 << 11, /* ended_nvcsw, ended_nivcsw */
	TS_HAVE_CORE_SWITCHES = 1 << 16,
	TS_HAVE_CORE_QUEUE = 1 << 17,
	TS_HAVE_CORE_BUSY = 1 << 18,
};

enum ts_thread_flags {
	TS_THREAD_ON_CPU = 1 << 0, /* was on a core at this moment */
	TS_THREAD_KERNEL = 1 << 1, /* a kernel thread: no user memory */
	TS_THREAD_IO_WORKER =
		1 << 2,		    /* made by io_uring inside a user process (iou-wrk, iou-sqp) */
	TS_THREAD_OUTSIDE = 1 << 3, /* known by name only: the stream's filter leaves it out */
};

/* The state letter is the one that ps shows: R S D T t X Z P I. */
struct ts_thread_row {
	struct ts_record record;
	__u32 tgid; /* ids as the reader's own PID namespace numbers them */
	__u32 tid;
	__u64 start_ns; /* CLOCK_BOOTTIME; with tid the identity, for tids are reused */
	__u64 nvcsw;
	__u64 nivcsw;
	__u64 cpu_ns;	    /* task->se.sum_exec_runtime; a running thread's lags by up to a tick */
	__u64 run_delay_ns; /* task->sched_info.run_delay: finished waits on the run queue */
	__u64 pending_wait_ns; /* the wait that goes on now, 0 when it doesn't wait */
	__u64 slices;	  /* task->sched_info.pcount: times it was given a core after waiting */
	__u64 migrations; /* task->se.nr_migrations */
	__u64 vruntime_ns;
	__u64 cgroup_id; /* of the unified hierarchy: the inode number of its directory */
	__u64 syscall_args[TS_SYSCALL_ARGS];
	__u64 user_sp;	  /* user stack pointer at entry to the kernel */
	__s32 syscall_nr; /* what a sleeping thread sleeps in; -1: not in a system call */
	__u32 flags;	  /* enum ts_thread_flags */
	__s32 cpu;	  /* the core it runs on, or ran on last */
	__s32 prio; /* kernel priority less 100, as top's PR: 20 is nice 0, negative is real-time */
	__s32 nice;
	__u32 policy;	/* SCHED_* */
	__u32 ppid;	/* tgid of the parent */
	__u32 position; /* which thread of the pass this is, from 0 */
	char state;
	char pad[7];
	char comm[TS_COMM_SIZE]; /* ended by a zero */
	/* In the row of a process's first thread: what all of its threads did that have ended. */
	__u64 ended_cpu_ns; /* signal->sum_sched_runtime */
	__u64 ended_nvcsw;
	__u64 ended_nivcsw;
};

/* Run-queue waits are counted in buckets of a quarter of an octave: at most 25 % wide. */
#define TS_WAIT_BUCKETS 104
#define TS_WAIT_FIRST_SHIFT 10 /* bucket 0 holds all below 2^10 ns */
#define TS_PEERS 4

enum ts_context {
	TS_CONTEXT_UNKNOWN = 0, /* this kernel doesn't show its preempt count */
	TS_CONTEXT_TASK = 1,	/* the waker is the thread named */
	TS_CONTEXT_SOFTIRQ =
		2, /* woken by an interrupt: the thread that was hit is not the waker */
	TS_CONTEXT_HARDIRQ = 3,
	TS_CONTEXTS = 4,
};

/*
 * One of the most frequent peers (preemptors or wakers) of a thread, kept by the Space-Saving
 * algorithm (Metwally et al., 2005): the true count lies in [count - error, count].
 */
struct ts_peer {
	__u64 count;
	__u64 error;
	__u32 tid; /* in the reader's PID namespace; 0: not a task, idle, or not visible there */
	__u32 kernel_tid; /* in the first namespace: what peers are told apart by */
	__u32 context;	  /* enum ts_context */
	__u32 pad;
	char comm[TS_COMM_SIZE];
};

/* What the scheduler's tracepoints add to a thread; all since since_ns. */
struct ts_sched_row {
	struct ts_record record;
	__u64 since_ns;
	__u64 voluntary;
	__u64 involuntary;
	__u64 missed;	    /* switches that the kernel counted and our probe didn't see */
	__u64 waits;	    /* finished waits that our probe saw, each in wait_hist */
	__u64 missed_waits; /* finished waits that the kernel counted and our probe didn't see */
	__u64 wait_sum_ns;  /* of both: equals the kernel's growth in run_delay */
	__u64 wait_max_ns;
	__u64 wakeups[TS_CONTEXTS];
	struct ts_peer preemptors[TS_PEERS];
	struct ts_peer wakers[TS_PEERS];
	__u32 last_preemptor; /* index into preemptors, TS_PEERS: none yet */
	__u32 last_waker;
	__u32 wait_hist[TS_WAIT_BUCKETS];
};

struct ts_core_row {
	struct ts_record record;
	__u32 cpu;
	__u32 queue_len; /* runnable threads, the running one included */
	__u64 switches;	 /* rq->nr_switches */
	__u64 busy_ns;	 /* time not in the idle thread */
	__u64 idle_ns;
};

/*
 * The stream: one small record an event, in the order in which a core made them, through a buffer
 * of that core. Who a thread is, is sent once (identity) and when it changes; all other records
 * name it by tid. Moments are CLOCK_MONOTONIC.
 */
enum ts_event_kind {
	TS_EVENT_SWITCH = 1,   /* struct ts_event_switch */
	TS_EVENT_WAKING = 2,   /* struct ts_event_wake: a sleeper is made ready */
	TS_EVENT_WAKE_NEW = 3, /* struct ts_event_wake: a new thread is ready for the first time */
	TS_EVENT_MIGRATE = 4,  /* struct ts_event_migrate */
	TS_EVENT_FORK = 5,     /* struct ts_event_identity, of the child */
	TS_EVENT_EXEC = 6,     /* struct ts_event_identity, with the new comm */
	TS_EVENT_RENAME = 7,   /* struct ts_event_identity, with the new comm */
	TS_EVENT_EXIT = 8,     /* struct ts_event_exit */
	TS_EVENT_LOST = 9,     /* struct ts_event_lost: a gap in this core's records */
};

#define TS_TID_OUTSIDE 0xffffffffU /* a thread that the reader's PID namespace doesn't show */
#define TS_WAIT_UNKNOWN 0xffffffffffffffffULL

struct ts_event {
	__u64 time_ns;
	__u32 tid; /* whom it is about; 0: the core's idle thread */
	__u16 cpu; /* the core that made it */
	__u8 kind; /* enum ts_event_kind */
	__u8 prio; /* of tid, as the kernel has it: 120 is nice 0, below 100 is real-time */
};

/* Why a thread left its core, as the kernel's own trace events write it (TASK_REPORT and up). */
enum ts_leaving {
	TS_LEAVING_RUNNABLE = 0, /* its slice was over, it yielded, or somebody was more urgent */
	TS_LEAVING_SLEEP = 0x01,
	TS_LEAVING_DEEP_SLEEP = 0x02, /* uninterruptible: mostly disk */
	TS_LEAVING_STOPPED = 0x04,
	TS_LEAVING_TRACED = 0x08,
	TS_LEAVING_DEAD = 0x10,
	TS_LEAVING_ZOMBIE = 0x20,
	TS_LEAVING_PARKED = 0x40,
	TS_LEAVING_IDLE = 0x80,	      /* uninterruptible, but not counted as load */
	TS_LEAVING_PREEMPTED = 0x100, /* in the middle of kernel code, whatever its state was */
	/* How the kernel counted this switch. The state doesn't tell: a thread that goes to sleep
	 * with a signal pending stays runnable, and yet counts as voluntary. Neither: not known. */
	TS_LEAVING_VOLUNTARY = 0x4000,
	TS_LEAVING_INVOLUNTARY = 0x8000,
};
#define TS_LEAVING_STATES 0x1ff /* without how it was counted */

struct ts_event_switch {
	struct ts_event event; /* tid, prio: who gets the core */
	__u32 prev_tid;	       /* who leaves it */
	__u16 prev_state;      /* enum ts_leaving */
	__u8 prev_nvcsw;       /* low bits of the kernel's two counters, this switch included */
	__u8 prev_nivcsw;
	__u64 wait_ns; /* tid's wait that ends here, as the kernel adds it to run_delay; or
			  TS_WAIT_UNKNOWN */
};

struct ts_event_wake {
	struct ts_event event; /* tid: who is made ready */
	__u32 waker_tid;  /* who ran on the core that woke it: to be blamed in task context only */
	__u16 target_cpu; /* the core it ran on last */
	__u8 context;	  /* enum ts_context */
	__u8 pad;
};

struct ts_event_migrate {
	struct ts_event event;
	__u16 from_cpu, to_cpu;
	__u32 run_delay_low; /* low bits of its run_delay: a wait that a migration cuts in two is
				added in two parts, of which the next switch tells the second */
};

struct ts_event_identity {
	struct ts_event event;
	__u32 tgid;
	__u32 ppid;	  /* tgid of the parent */
	__u32 parent_tid; /* who forked it; for exec, its own tid until then where that was another
			     (it wasn't its process's leader), else 0; for rename 0 */
	__u32 flags;	  /* enum ts_thread_flags */
	__u64 start_ns;	  /* CLOCK_BOOTTIME; with tid the identity */
	char comm[TS_COMM_SIZE];
};

/* The kernel's own totals on its way out; its last switches are still to come. */
struct ts_event_exit {
	struct ts_event event;
	__u64 start_ns;
	__u64 nvcsw;
	__u64 nivcsw;
	__u64 cpu_ns;
	__u64 run_delay_ns;
	__u64 slices;
	__u64 migrations;
};

struct ts_event_lost {
	struct ts_event event; /* when there was room again; tid: 0 */
	__u64 records;	       /* not written since this core's last record */
};

/* Any of them: as many bytes as ts_event_size() says of its kind. */
union ts_any_event {
	struct ts_event head;
	struct ts_event_switch as_switch;
	struct ts_event_wake wake;
	struct ts_event_migrate migrate;
	struct ts_event_identity identity;
	struct ts_event_exit exit;
	struct ts_event_lost lost;
};

enum ts_drop_cause {
	TS_DROP_FULL = 0,   /* the reader was too slow for the buffer */
	TS_DROP_NESTED = 1, /* an interrupt came while this core was writing one */
	TS_DROP_CAUSES = 2,
};

/* What one core's buffer has seen since the stream began. */
struct ts_stream_core {
	__u32 cpu;
	__u32 pad;
	__u64 records;
	__u64 bytes;
	__u64 dropped[TS_DROP_CAUSES];
};

/* What the reader knows of a pass as a whole. */
struct ts_snapshot_header {
	__u32 version;
	__u32 have;		 /* groups of fields that this source can measure at all */
	__u64 time_ns;		 /* CLOCK_MONOTONIC at the start of the pass */
	__u64 read_ns;		 /* length of the pass */
	__u64 self_cpu_ns;	 /* CPU time of the reading process so far */
	__u64 forked;		 /* threads begun since the probes were attached */
	__u64 ended;		 /* threads ended since then, seen by us or not */
	__u64 lost_records;	 /* rows that could not be handed over */
	__u64 storage_failures;	 /* threads for which no memory was to be had in the kernel */
	__u64 unseeded_switches; /* switches of threads that we had no storage for */
	__u64 probe_ns;		 /* time spent in the switch and wake-up probes … */
	__u64 probe_switches;	 /* … during this many switches; 0: not measured */
};

/* What a process is, looked up once in its files and memory: what roles are told by. */
enum ts_runtime {
	TS_RUNTIME_UNKNOWN = 0,
	TS_RUNTIME_NODE = 1,
	TS_RUNTIME_BUN = 2,
	TS_RUNTIME_DENO = 3,
	TS_RUNTIME_TIMESLICE = 4,
};

struct ts_process_facts {
	__u32 tgid;
	__u32 runtime;	 /* enum ts_runtime */
	__u64 pool_cond; /* address of libuv's `cond`, on which idle pool workers sleep; 0: unknown
			  */
	__u64 pool_cond_size;
	__u64 signal_semaphore; /* node's start_io_thread_semaphore; 0: unknown */
	__u64 signal_semaphore_size;
	__s32 loop_epoll_fd;  /* the default loop's own epoll descriptor; -1: unknown */
	__u32 runtime_proven; /* 1: by symbols; 0: by the file's name only */
};

/* In which function of its program did a thread begin? */
enum ts_start {
	TS_START_UNKNOWN = 0,
	TS_START_UV_POOL = 1,	  /* libuv's pool worker */
	TS_START_V8_PLATFORM = 2, /* a worker of Node's platform for V8 */
	TS_START_SIGNAL = 3,	  /* the thread that waits for SIGUSR1 to start the inspector */
	TS_START_NODE_WORKER = 4, /* a worker_thread */
	TS_STARTS,
};

/* What the stack mapping tells that a thread's stack pointer lies in. */
struct ts_stack_facts {
	__u32 tid;
	__u32 start;	   /* enum ts_start */
	__u64 stack_bytes; /* 0: unknown */
};

#ifdef __cplusplus
#define TS_ASSERT(cond) static_assert(cond, #cond)
#else
#define TS_ASSERT(cond) _Static_assert(cond, #cond)
#endif
TS_ASSERT(sizeof(struct ts_record) == 8);
TS_ASSERT(sizeof(struct ts_thread_row) == 216);
TS_ASSERT(__builtin_offsetof(struct ts_thread_row, syscall_args) == 96);
TS_ASSERT(__builtin_offsetof(struct ts_thread_row, comm) == 176);
TS_ASSERT(__builtin_offsetof(struct ts_thread_row, ended_cpu_ns) == 192);
TS_ASSERT(sizeof(struct ts_peer) == 48);
TS_ASSERT(sizeof(struct ts_sched_row) == 912);
TS_ASSERT(__builtin_offsetof(struct ts_sched_row, wait_hist) == 496);
TS_ASSERT(sizeof(struct ts_core_row) == 40);
TS_ASSERT(sizeof(struct ts_event) == 16);
TS_ASSERT(sizeof(struct ts_event_switch) == 32);
TS_ASSERT(__builtin_offsetof(struct ts_event_switch, wait_ns) == 24);
TS_ASSERT(sizeof(struct ts_event_wake) == 24);
TS_ASSERT(sizeof(struct ts_event_migrate) == 24);
TS_ASSERT(sizeof(struct ts_event_identity) == 56);
TS_ASSERT(__builtin_offsetof(struct ts_event_identity, comm) == 40);
TS_ASSERT(sizeof(struct ts_event_exit) == 72);
TS_ASSERT(sizeof(struct ts_event_lost) == 24);
TS_ASSERT(sizeof(struct ts_stream_core) == 40);
TS_ASSERT(sizeof(struct ts_snapshot_header) == 88);
TS_ASSERT(sizeof(struct ts_process_facts) == 48);

/* The size of a record of the stream, by its kind; 0: no such kind. */
static inline __u32 ts_event_size(__u8 kind)
{
	switch (kind) {
	case TS_EVENT_SWITCH:
		return sizeof(struct ts_event_switch);
	case TS_EVENT_WAKING:
	case TS_EVENT_WAKE_NEW:
		return sizeof(struct ts_event_wake);
	case TS_EVENT_MIGRATE:
		return sizeof(struct ts_event_migrate);
	case TS_EVENT_FORK:
	case TS_EVENT_EXEC:
	case TS_EVENT_RENAME:
		return sizeof(struct ts_event_identity);
	case TS_EVENT_EXIT:
		return sizeof(struct ts_event_exit);
	case TS_EVENT_LOST:
		return sizeof(struct ts_event_lost);
	default:
		return 0;
	}
}

/* Position of the highest set bit; 0 for 0. Written out because BPF has no such instruction. */
static inline __u32 ts_log2(__u64 v)
{
	__u32 r = 0;

	if (v >> 32) {
		r += 32;
		v >>= 32;
	}
	if (v >> 16) {
		r += 16;
		v >>= 16;
	}
	if (v >> 8) {
		r += 8;
		v >>= 8;
	}
	if (v >> 4) {
		r += 4;
		v >>= 4;
	}
	if (v >> 2) {
		r += 2;
		v >>= 2;
	}
	return r + (__u32)(v >> 1);
}

/* Which bucket counts a wait of `ns`? */
static inline __u32 ts_wait_bucket(__u64 ns)
{
	__u32 octave, bucket;

	if (ns >> TS_WAIT_FIRST_SHIFT == 0)
		return 0;
	octave = ts_log2(ns);
	bucket = 1 + (octave - TS_WAIT_FIRST_SHIFT) * 4 + ((ns >> (octave - 2)) & 3);
	return bucket < TS_WAIT_BUCKETS ? bucket : TS_WAIT_BUCKETS - 1;
}

/* The shortest wait that `bucket` counts, in ns. Bucket + 1 gives its (exclusive) end. */
static inline __u64 ts_wait_bucket_floor_ns(__u32 bucket)
{
	__u32 octave;

	if (bucket == 0)
		return 0;
	octave = TS_WAIT_FIRST_SHIFT + (bucket - 1) / 4;
	return (4ULL + (bucket - 1) % 4) << (octave - 2);
}

#endif
