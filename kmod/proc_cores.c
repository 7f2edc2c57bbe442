// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does `cat /proc/timeslice/cores` show? One line per CPU, under a line of headings. Switches,
 * busy and idle time since counting started; the queue is the number of runnable threads at this
 * moment, the running one included; at the end, how many of the stream's records were written or
 * dropped. `-` stands for figures that couldn't be read consistently.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>

#include "observer.h"

#define SLOTS_AT_ONCE 1024

/* A sleeper that 6.12 and later keep queued for a while is not runnable. */
static void count_queued(unsigned int *queues, struct task_struct *task)
{
	if (READ_ONCE(task->on_rq) && (state_of(task) == TASK_RUNNING || READ_ONCE(task->on_cpu)))
		queues[task_cpu(task)]++;
}

/*
 * Counted anew at each read, by walking the threads once: the run queue, which has its length, is
 * private to kernel/sched. There may be millions of threads, so the walk lets others run.
 */
static void count_queues(unsigned int *queues)
{
	unsigned int slot = 0, until;
	struct observed *thread;

	memset(queues, 0, nr_cpu_ids * sizeof(*queues));
	while (slot < table_end()) {
		until = min(slot + SLOTS_AT_ONCE, table_end());
		rcu_read_lock();
		for (; slot < until; slot++) {
			thread = table_at(slot);
			if (thread)
				count_queued(queues, thread->task);
		}
		rcu_read_unlock();
		cond_resched();
	}
}

static void *start(struct seq_file *file, loff_t *position)
{
	unsigned int cpu;

	if (*position == 0) {
		count_queues(proc_reader(file)->queues);
		return SEQ_START_TOKEN;
	}
	if (*position < 0 || *position > nr_cpu_ids)
		return NULL;
	cpu = cpumask_next(*position - 2, cpu_possible_mask);
	if (cpu >= nr_cpu_ids)
		return NULL;
	*position = cpu + 1;
	return position;
}

static void *next(struct seq_file *file, void *row, loff_t *position)
{
	++*position;
	return start(file, position);
}

static void stop(struct seq_file *file, void *row)
{
}

static void show_headings(struct seq_file *file)
{
	seq_printf(file, "timeslice 1 cores time_ns %llu\n", ktime_get_mono_fast_ns());
	seq_printf(file, "%5s %6s %14s %18s %18s %9s %5s %14s %16s %12s %14s\n", "core", "online",
		   "switches", "busy_ns", "idle_ns", "unseeded", "queue", "stream_records",
		   "stream_bytes", "dropped_full", "dropped_nested");
}

static int show(struct seq_file *file, void *row)
{
	unsigned int cpu = row == SEQ_START_TOKEN ? 0 : *(loff_t *)row - 1;
	struct ts_stream_core stream;
	struct core_figures core;

	if (row == SEQ_START_TOKEN) {
		show_headings(file);
		return 0;
	}
	seq_printf(file, "%5u %6u", cpu, cpu_online(cpu));
	if (cores_read(cpu, &core))
		seq_printf(file, " %14llu %18llu %18llu %9llu", core.switches, core.busy_ns,
			   core.idle_ns, core.unseeded);
	else
		seq_printf(file, " %14s %18s %18s %9s", "-", "-", "-", "-");
	stream_read(cpu, &stream);
	seq_printf(file, " %5u %14llu %16llu %12llu %14llu\n", proc_reader(file)->queues[cpu],
		   stream.records, stream.bytes, stream.dropped[TS_DROP_FULL],
		   stream.dropped[TS_DROP_NESTED]);
	return 0;
}

const struct seq_operations cores_seq = {
	.start = start,
	.next = next,
	.stop = stop,
	.show = show,
};
