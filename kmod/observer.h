/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What are the parts of the module, and from which context may each function be called?
 *
 * Three kinds of code run here. Handlers (probes.c, stream.c) are called by the scheduler, mostly
 * with a run queue's lock held and interrupts off: they may count and look up, and nothing else.
 * Threads start and end in process and softirq context: there memory may be allocated for a thread,
 * without sleeping, and freed. Loading, unloading, parameters and the files under /proc run in
 * ordinary process context.
 *
 * Each part uses only parts that are listed above it.
 */
#ifndef TIMESLICE_OBSERVER_H
#define TIMESLICE_OBSERVER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/seqlock.h>
#include <linux/types.h>
#include <linux/version.h>

#include "bpf/wire.h"

/* What we count of one thread. The figures are the same struct that the BPF programs fill. */
struct observed {
	struct ts_sched_row row;
	u64 run_delay_seen; /* the kernel's totals that `row` already includes */
	u64 slices_seen;
	u64 nvcsw_seen;
	u64 nivcsw_seen;
	/*
	 * A reader copies `row` while a handler on another CPU may be changing it. If it changed
	 * in between, the reader copies again, a limited number of times. There are two counters
	 * because one CPU may wake a thread while another switches away from it.
	 *
	 * Switching has one writer at a time, guaranteed by the run queue's lock. Waking may have
	 * several. The waker of another thread holds its pi_lock; but a thread that is about to
	 * sleep and wakes itself, or is woken by an interrupt that arrives at that point, holds
	 * nothing (try_to_wake_up() of `current`), while another CPU may be waking it, too. So the
	 * first waker writes; one that finds another writer doesn't wait, and counts separately.
	 */
	seqcount_t switching;
	seqcount_t waking;
	atomic_t waker_at_work;
	atomic64_t wakeups_beside[TS_CONTEXTS]; /* in row.wakeups as a reader gets it */

	struct task_struct *task; /* we hold a reference */
	struct hlist_node by_task;
	u32 slot;
	struct rcu_head rcu;
};

/* account.c: what an event does to the figures. No locks, no allocation, no lists: testable. */
void account_begin(struct observed *thread, struct task_struct *task);
void account_leave(struct observed *thread, struct task_struct *prev, struct task_struct *next);
void account_wake(struct observed *thread, struct task_struct *waker, u32 context);
bool account_copy(struct ts_sched_row *row, struct observed *thread); /* false: not available now */
/* A reader's attempts, where changes come in between or a writer's virtual CPU is stopped. */
#define READER_TRIES 1000

/* table.c: the threads that are observed, found by task without a lock. */
int table_make(unsigned int max_threads);
void table_unmake(void); /* no reader may still be in an RCU section on it */
int table_seed(void);	 /* adds all existing threads */
int table_add(struct task_struct *task);
void table_remove(struct task_struct *task);
void table_clear(void);
struct observed *table_find(struct task_struct *task); /* in an RCU section */
struct observed *table_at(unsigned int slot);	       /* in an RCU section; NULL: free */
unsigned int table_end(void);			       /* one past the last slot ever used */

struct table_counts {
	u64 refused_limit;  /* threads not added because the table was full */
	u64 refused_memory; /* threads not added because no memory was available */
	u64 threads;	    /* in the table now */
};
struct table_counts table_counts(void);

/* cores.c: what each CPU did. */
struct core_figures {
	u64 switches;
	u64 busy_ns;
	u64 idle_ns;
	u64 unseeded; /* switches away from threads that are not in the table */
};
int cores_make(void);
void cores_unmake(void);
void cores_clear(void);
void cores_switched(struct task_struct *prev, struct task_struct *next, bool unseeded);
bool cores_read(unsigned int cpu, struct core_figures *figures); /* false: not available now */

/* stream.c: each event as a record, read through files in debugfs. */
bool stream_parameters_valid(void);
int stream_make(void); /* does nothing if the buffers exist already */
void stream_end(void); /* makes the last records readable */
void stream_unmake(void);
void stream_switch(bool preempt, unsigned int state, struct task_struct *prev,
		   struct task_struct *next);
void stream_wake(u8 kind, struct task_struct *task);
void stream_migrate(struct task_struct *task, int to_cpu);
void stream_identity(u8 kind, struct task_struct *task, struct task_struct *parent,
		     const char *comm);
void stream_exit(struct task_struct *task);
void stream_read(unsigned int cpu, struct ts_stream_core *figures);

/* probes.c: the tracepoints and our handlers on them. */
int probes_attach(void);
void probes_detach(void);
int probes_attach_stream(void);
void probes_detach_stream(void);

/* What may the reader of an open file see? Decided at open; the file may be passed on later. */
struct reader {
	struct pid_namespace *namespace; /* ids are shown as they are in it */
	kuid_t uid;
	bool own_only;		 /* only this user's threads (hidepid) */
	bool arguments;		 /* arguments of system calls, and stack pointers */
	bool whole_machine;	 /* figures that are not about single threads */
	struct ts_sched_row row; /* the row being shown: too large for a stack */
	unsigned int *queues;	 /* each CPU's queue length, for `cores` */
};
static inline struct reader *proc_reader(struct seq_file *file)
{
	return file->private;
}

/* proc_threads.c, proc_cores.c: the rows of the files in /proc/timeslice. */
extern const struct seq_operations threads_seq;
extern const struct seq_operations cores_seq;

/* proc.c: the files themselves. */
int proc_make(bool world_readable);
void proc_unmake(void);

/* selftest.c: account.c with fake tasks. Returns the number of failed checks, or -errno. */
int selftest_run(void);

/* Only in test builds: prolongs writes, so that readers run into them. */
static inline void linger(void)
{
#ifdef TIMESLICE_LINGER
	int i;

	for (i = 0; i < TIMESLICE_LINGER; i++)
		cpu_relax();
#endif
}

/* task->state became task->__state in 5.14. */
static inline unsigned int state_of(struct task_struct *task)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
	return READ_ONCE(task->__state);
#else
	return READ_ONCE(task->state);
#endif
}

#endif
