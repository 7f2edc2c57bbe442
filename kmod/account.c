// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does a switch or a wake-up do to a thread's figures?
 *
 * The kernel counts switches before it calls us, and waits after it. So nothing is guessed here:
 * which of nvcsw and nivcsw has been incremented shows how the thread left, and the growth of
 * sched_info.run_delay shows how long it had waited. Our sums can't differ from the kernel's; what
 * we add is the individual event: each wait in a histogram, each preemptor, each waker.
 *
 * Nothing here waits for a lock or allocates memory, and only the task's fields named here are
 * read: so it can be tested with fake tasks (selftest.c).
 */
#include <linux/irqflags.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "observer.h"

/*
 * Space-Saving (Metwally et al., 2005): a peer that has no slot replaces the least frequent one,
 * and inherits its count as error. Returns the slot. `task` is NULL if the peer is an interrupt.
 */
static u32 note_peer(struct ts_peer *peers, struct task_struct *task, u32 context)
{
	u32 kernel_tid = task ? task->pid : 0;
	u32 i, rarest = 0;

	for (i = 0; i < TS_PEERS; i++) {
		if (peers[i].count && peers[i].kernel_tid == kernel_tid &&
		    peers[i].context == context) {
			peers[i].count++;
			return i;
		}
		if (peers[i].count < peers[rarest].count)
			rarest = i;
	}
	peers[rarest].error = peers[rarest].count++;
	peers[rarest].kernel_tid = kernel_tid;
	peers[rarest].context = context;
	memset(peers[rarest].comm, 0, TS_COMM_SIZE);
	if (task)
		strscpy(peers[rarest].comm, task->comm, TS_COMM_SIZE);
	return rarest;
}

/* The kernel's totals of waits; both are 0 on a kernel without CONFIG_SCHED_INFO. */
static u64 run_delay_of(struct task_struct *task)
{
#ifdef CONFIG_SCHED_INFO
	return READ_ONCE(task->sched_info.run_delay);
#else
	return 0;
#endif
}

static u64 slices_of(struct task_struct *task)
{
#ifdef CONFIG_SCHED_INFO
	return READ_ONCE(task->sched_info.pcount);
#else
	return 0;
#endif
}

void account_begin(struct observed *thread, struct task_struct *task)
{
	thread->row.record.kind = TS_RECORD_SCHED;
	thread->row.record.size = sizeof(thread->row);
	thread->row.last_preemptor = TS_PEERS;
	thread->row.last_waker = TS_PEERS;
	thread->run_delay_seen = run_delay_of(task);
	thread->slices_seen = slices_of(task);
	thread->nvcsw_seen = task->nvcsw;
	thread->nivcsw_seen = task->nivcsw;
	seqcount_init(&thread->switching);
	seqcount_init(&thread->waking);
}

/* Waits that have ended since the last call. If there was one, its length is known. */
static void count_waits(struct ts_sched_row *row, u64 wait_ns, u64 slices)
{
	row->wait_sum_ns += wait_ns;
	if (slices != 1) {
		row->missed_waits += slices;
		return;
	}
	row->waits++;
	if (wait_ns > row->wait_max_ns)
		row->wait_max_ns = wait_ns;
	row->wait_hist[ts_wait_bucket(wait_ns)]++;
}

/*
 * `prev` leaves its CPU to `next`. The wait before this time slice is counted only now: when the
 * slice began, the kernel hadn't added it yet, and the run queue's clock, from which it could be
 * computed, is private to kernel/sched.
 */
void account_leave(struct observed *thread, struct task_struct *prev, struct task_struct *next)
{
	u64 voluntary = prev->nvcsw - thread->nvcsw_seen;
	u64 involuntary = prev->nivcsw - thread->nivcsw_seen;
	u64 delay = run_delay_of(prev), slices = slices_of(prev);
	struct ts_sched_row *row = &thread->row;

	raw_write_seqcount_begin(&thread->switching);
	if (slices != thread->slices_seen)
		count_waits(row, delay - thread->run_delay_seen, slices - thread->slices_seen);
	thread->run_delay_seen = delay;
	thread->slices_seen = slices;
	thread->nvcsw_seen += voluntary;
	thread->nivcsw_seen += involuntary;
	if (voluntary + involuntary != 1) {
		row->missed += voluntary + involuntary;
	} else if (voluntary) {
		row->voluntary++;
	} else {
		row->involuntary++;
		row->last_preemptor = note_peer(row->preemptors, next, TS_CONTEXT_TASK);
	}
	linger();
	raw_write_seqcount_end(&thread->switching);
}

/* Called in any context, so it never waits. The counts are exact nevertheless. */
void account_wake(struct observed *thread, struct task_struct *waker, u32 context)
{
	unsigned long flags;

	local_irq_save(flags); /* or a reader would have to wait for an interrupt on this CPU */
	if (atomic_cmpxchg_acquire(&thread->waker_at_work, 0, 1)) {
		atomic64_inc(&thread->wakeups_beside[context]);
	} else {
		raw_write_seqcount_begin(&thread->waking);
		thread->row.wakeups[context]++;
		thread->row.last_waker = note_peer(
			thread->row.wakers, context == TS_CONTEXT_TASK ? waker : NULL, context);
		linger();
		raw_write_seqcount_end(&thread->waking);
		atomic_set_release(&thread->waker_at_work, 0);
	}
	local_irq_restore(flags);
}

/* False: something changed meanwhile, and the copy is not consistent. */
static bool copy_once(struct ts_sched_row *row, struct observed *thread)
{
	unsigned int switching = raw_read_seqcount(&thread->switching);
	unsigned int waking = raw_read_seqcount(&thread->waking);
	u64 total_slices = slices_of(thread->task);
	u64 delay, slices;

	if ((switching | waking) & 1)
		return false;
	smp_rmb();
	*row = thread->row;
	delay = run_delay_of(thread->task) - thread->run_delay_seen;
	slices = total_slices - thread->slices_seen;
	smp_rmb();
	/* The kernel adds an arrival's wait, then its slice, outside our counters. */
	if (total_slices != slices_of(thread->task) ||
	    read_seqcount_retry(&thread->switching, switching) ||
	    read_seqcount_retry(&thread->waking, waking))
		return false;
	if (slices)
		count_waits(row, delay, slices);
	return true;
}

/*
 * A consistent copy of the figures, with the waits that ended since the thread last left a CPU.
 * Called by readers, in an RCU section, while handlers go on. A handler takes very little time; but
 * it may run on a virtual CPU that its host has stopped at that very point, and an RCU section must
 * not wait for that.
 */
bool account_copy(struct ts_sched_row *row, struct observed *thread)
{
	unsigned int context, tries;

	for (tries = 0; tries < READER_TRIES; tries++) {
		if (copy_once(row, thread)) {
			for (context = 0; context < TS_CONTEXTS; context++)
				row->wakeups[context] +=
					atomic64_read(&thread->wakeups_beside[context]);
			return true;
		}
		cpu_relax();
	}
	return false;
}
