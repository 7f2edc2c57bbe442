// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the accounting count correctly? Tested with fake tasks, whose counters are changed as the
 * kernel changes them before it calls us. With selftest=1 it runs before anything is attached, and
 * a failed check prevents the module from loading.
 */
#include <linux/slab.h>
#include <linux/smp.h>

#include "observer.h"

struct stage {
	struct observed thread;
	struct task_struct *task, *other;
	struct ts_sched_row row;
	atomic_t cores;
	int failed;
};

/* Per CPU, in one go with interrupts off: few where each of them is prolonged. */
#ifdef TIMESLICE_LINGER
#define WAKES 20
#else
#define WAKES 1000
#endif

#define CHECK(stage, condition)                                                                    \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(stage)->failed++;                                                         \
			pr_err("timeslice: selftest failed, line %d: %s\n", __LINE__, #condition); \
		}                                                                                  \
	} while (0)

/* As the kernel does it: the counter first, then the tracepoint. */
static void leave(struct stage *stage, bool voluntary)
{
	if (voluntary)
		stage->task->nvcsw++;
	else
		stage->task->nivcsw++;
	account_leave(&stage->thread, stage->task, stage->other);
}

static void arrive(struct stage *stage, u64 wait_ns)
{
#ifdef CONFIG_SCHED_INFO
	stage->task->sched_info.run_delay += wait_ns;
	stage->task->sched_info.pcount++;
#endif
}

static void try_switches(struct stage *stage)
{
	leave(stage, true);
	leave(stage, false);
	leave(stage, false);
	stage->task->nvcsw += 2; /* one switch that was missed, and one that is reported */
	account_leave(&stage->thread, stage->task, stage->other);
	account_copy(&stage->row, &stage->thread);
	CHECK(stage, stage->row.voluntary == 1);
	CHECK(stage, stage->row.involuntary == 2);
	CHECK(stage, stage->row.missed == 2);
	CHECK(stage, stage->row.preemptors[0].count == 2);
	CHECK(stage, stage->row.preemptors[0].kernel_tid == 4711);
	CHECK(stage, stage->row.last_preemptor == 0);
}

#ifdef CONFIG_SCHED_INFO
static void try_waits(struct stage *stage)
{
	arrive(stage, 5000);
	account_copy(&stage->row, &stage->thread); /* it still runs: the reader adds the wait */
	CHECK(stage, stage->row.waits == 1 && stage->row.wait_sum_ns == 5000);
	leave(stage, true);
	account_copy(&stage->row, &stage->thread);
	CHECK(stage, stage->row.waits == 1 && stage->row.wait_sum_ns == 5000);
	CHECK(stage, stage->row.wait_hist[ts_wait_bucket(5000)] == 1);
	arrive(stage, 100);
	arrive(stage, 200); /* two waits of which only the sum is known */
	leave(stage, true);
	account_copy(&stage->row, &stage->thread);
	CHECK(stage, stage->row.waits == 1 && stage->row.missed_waits == 2);
	CHECK(stage, stage->row.wait_sum_ns == 5300 && stage->row.wait_max_ns == 5000);
}
#else
static void try_waits(struct stage *stage)
{
}
#endif

static void try_wakers(struct stage *stage)
{
	u32 i;

	account_wake(&stage->thread, stage->other, TS_CONTEXT_HARDIRQ);
	for (i = 0; i < 3; i++)
		account_wake(&stage->thread, stage->other, TS_CONTEXT_TASK);
	account_copy(&stage->row, &stage->thread);
	CHECK(stage, stage->row.wakeups[TS_CONTEXT_TASK] == 3);
	CHECK(stage, stage->row.wakeups[TS_CONTEXT_HARDIRQ] == 1);
	CHECK(stage, stage->row.wakers[0].kernel_tid == 0); /* the interrupted one didn't wake it */
	CHECK(stage, stage->row.wakers[1].kernel_tid == 4711 && stage->row.wakers[1].count == 3);
	CHECK(stage, stage->row.last_waker == 1);
	/* More wakers than slots: a new one replaces the least frequent, and inherits its count. */
	for (i = 1; i <= TS_PEERS; i++) {
		stage->other->pid = i;
		account_wake(&stage->thread, stage->other, TS_CONTEXT_TASK);
	}
	account_copy(&stage->row, &stage->thread);
	CHECK(stage, stage->row.wakers[1].count - stage->row.wakers[1].error <= 3);
	CHECK(stage, stage->row.wakers[stage->row.last_waker].kernel_tid == TS_PEERS);
	CHECK(stage, stage->row.wakers[stage->row.last_waker].error > 0);
}

/* How many wake-ups are attributed to one of the listed wakers? */
static u64 sum_of_wakers(const struct ts_sched_row *row)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < TS_PEERS; i++)
		sum += row->wakers[i].count;
	return sum;
}

static void wake_often(void *data)
{
	struct stage *stage = data;
	u32 i;

	atomic_inc(&stage->cores);
	for (i = 0; i < WAKES; i++)
		account_wake(&stage->thread, stage->other, TS_CONTEXT_TASK);
}

/* All CPUs wake one thread at the same time: no wake-up is lost, and no counter is left odd. */
static void try_wakers_at_once(struct stage *stage)
{
	u64 wakeups;

	atomic_set(&stage->cores, 0);
	on_each_cpu(wake_often, stage, 1);
	wakeups = (u64)atomic_read(&stage->cores) * WAKES;
	CHECK(stage, account_copy(&stage->row, &stage->thread));
	CHECK(stage, stage->row.wakeups[TS_CONTEXT_TASK] == wakeups);
	CHECK(stage, sum_of_wakers(&stage->row) <= wakeups);
	CHECK(stage, sum_of_wakers(&stage->row) > 0);
	/* While one is at work, as on a virtual CPU that is stopped, the others only count. */
	atomic_set(&stage->thread.waker_at_work, 1);
	account_wake(&stage->thread, stage->other, TS_CONTEXT_HARDIRQ);
	CHECK(stage, account_copy(&stage->row, &stage->thread));
	CHECK(stage, stage->row.wakeups[TS_CONTEXT_HARDIRQ] == 1);
}

/* A writer that never finishes doesn't keep a reader from finishing. */
static void try_readers_alone(struct stage *stage)
{
	raw_write_seqcount_begin(&stage->thread.switching);
	CHECK(stage, !account_copy(&stage->row, &stage->thread));
	raw_write_seqcount_end(&stage->thread.switching);
	CHECK(stage, account_copy(&stage->row, &stage->thread));
	raw_write_seqcount_begin(&stage->thread.waking);
	CHECK(stage, !account_copy(&stage->row, &stage->thread));
}

static void try_buckets(struct stage *stage)
{
	u32 bucket;

	for (bucket = 1; bucket < TS_WAIT_BUCKETS; bucket++) {
		CHECK(stage, ts_wait_bucket(ts_wait_bucket_floor_ns(bucket)) == bucket);
		CHECK(stage, ts_wait_bucket(ts_wait_bucket_floor_ns(bucket) - 1) == bucket - 1);
	}
}

static void with_new_figures(struct stage *stage, void (*try)(struct stage *))
{
	stage->other->pid = 4711;
	memset(&stage->thread, 0, sizeof(stage->thread));
	stage->thread.task = stage->task;
	account_begin(&stage->thread, stage->task);
	try(stage);
}

int selftest_run(void)
{
	struct stage *stage = kzalloc(sizeof(*stage), GFP_KERNEL);
	int failed = -ENOMEM;

	if (!stage)
		return failed;
	stage->task = kzalloc(sizeof(struct task_struct), GFP_KERNEL);
	stage->other = kzalloc(sizeof(struct task_struct), GFP_KERNEL);
	if (stage->task && stage->other) {
		with_new_figures(stage, try_switches);
		with_new_figures(stage, try_waits);
		with_new_figures(stage, try_wakers);
		with_new_figures(stage, try_wakers_at_once);
		with_new_figures(stage, try_readers_alone);
		try_buckets(stage);
		failed = stage->failed;
		if (!failed)
			pr_info("timeslice: selftest passed\n");
	}
	kfree(stage->task);
	kfree(stage->other);
	kfree(stage);
	return failed;
}
