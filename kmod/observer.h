/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What are the parts of the observer, and who may call which of them from where?
 *
 * Three kinds of code run here. Handlers (probes.c, stream.c) are called by the scheduler, mostly
 * with a run queue's lock held and interrupts off: they may count and look up, and nothing else.
 * Births and deaths of threads come in process and softirq context: there memory may be given to a
 * thread, without sleeping, and taken back. Loading, unloading, parameters and the files under
 * /proc are ordinary process context.
 */
#ifndef TIMESLICE_OBSERVER_H
#define TIMESLICE_OBSERVER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/types.h>
#include <linux/version.h>

#include "bpf/wire.h"

/* What we count of one thread. The figures are the same struct that the BPF programs fill. */
struct observed {
	struct ts_sched_row row;
	u64 run_delay_seen; /* the kernel's totals that are in `row` already */
	u64 slices_seen;
	u64 nvcsw_seen;
	u64 nivcsw_seen;
	/*
	 * A reader copies `row` while a handler on another core may be changing it: it copies again
	 * if a change came in between, but not for ever. Two counters, for a thread can be woken by
	 * one core while another is switching away from it.
	 *
	 * Switching has one writer at a time: the run queue's lock sees to that. Waking may have
	 * several. Who wakes another thread holds its pi_lock; but a thread that is about to sleep
	 * and wakes itself, or is woken by an interrupt that hits it there, holds nothing
	 * (try_to_wake_up() of `current`), while another core may be waking it, too. So the waker
	 * who finds none at work writes; one who finds another doesn't wait, and counts beside.
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

/* account.c: what an event does to the figures. No lock, no memory, no list: testable. */
void account_begin(struct observed *thread, struct task_struct *task);
void account_leave(struct observed *thread, struct task_struct *prev, struct task_struct *next);
void account_wake(struct observed *thread, struct task_struct *waker, u32 context);
bool account_copy(struct ts_sched_row *row, struct observed *thread); /* false: not available now */
/* How often a reader tries, while changes come in between or a writer's virtual core stands still.
 */
#define READER_TRIES 1000

/* table.c: who is observed, found by task without a lock. */
int table_make(unsigned int max_threads);
void table_unmake(void); /* nobody may be in an RCU section on it any more */
int table_seed(void);	 /* all threads that live */
int table_add(struct task_struct *task);
void table_remove(struct task_struct *task);
void table_clear(void);
struct observed *table_find(struct task_struct *task); /* in an RCU section */
struct observed *table_at(unsigned int slot);	       /* in an RCU section; NULL: free */
unsigned int table_end(void);			       /* one behind the last slot ever used */

struct table_counts {
	u64 refused_limit;  /* threads that found the table full */
	u64 refused_memory; /* threads for which there was no memory */
	u64 threads;	    /* that are in it now */
};
struct table_counts table_counts(void);

/* cores.c: what each core did. */
struct core_figures {
	u64 switches;
	u64 busy_ns;
	u64 idle_ns;
	u64 unseeded; /* switches away from threads that aren't in the table */
};
int cores_make(void);
void cores_unmake(void);
void cores_clear(void);
void cores_switched(struct task_struct *prev, struct task_struct *next, bool unseeded);
bool cores_read(unsigned int cpu, struct core_figures *figures); /* false: not available now */

/* probes.c: the tracepoints and our handlers on them. */
int probes_attach(void);
void probes_detach(void);
int probes_attach_stream(void);
void probes_detach_stream(void);
/* Whom does a wake-up come from: the current thread, or an interrupt that hit it? */
u32 probes_context(void);

/* stream.c: each event as a record, for readers of the files in debugfs. */
int stream_make(void); /* again, if it is made already, does nothing */
void stream_end(void); /* what was written last can be read */
void stream_unmake(void);
void stream_switch(bool preempt, unsigned int state, struct task_struct *prev,
		   struct task_struct *next);
void stream_wake(u8 kind, struct task_struct *task);
void stream_migrate(struct task_struct *task, int to_cpu);
void stream_identity(u8 kind, struct task_struct *task, struct task_struct *parent,
		     const char *comm);
void stream_exit(struct task_struct *task);
void stream_read(unsigned int cpu, struct ts_stream_core *figures);

/* proc*.c: /proc/timeslice. */
int proc_make(bool world_readable);
void proc_unmake(void);
extern const struct seq_operations threads_seq;
extern const struct seq_operations cores_seq;

/* Who reads, and what may it see? As of when it opened the file; it may hand it on. */
struct reader {
	struct pid_namespace *namespace; /* it sees ids as they are there */
	kuid_t uid;
	bool own_only;		 /* of this user's threads alone (hidepid) */
	bool arguments;		 /* what system calls were given, and where stacks are */
	bool whole_machine;	 /* figures that aren't of single threads */
	struct ts_sched_row row; /* the one that is being shown: too large for a stack */
	unsigned int *queues;	 /* of each core, for `cores` */
};
struct reader *proc_reader(struct seq_file *file);

/* selftest.c: account.c on made-up tasks. Returns the number of checks that failed. */
int selftest_run(void);

/* Builds for tests only make the moments long in which writers and readers can meet. */
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
