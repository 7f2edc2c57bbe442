// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does `cat /proc/timeslice/threads` show? One line per thread, under a line of headings:
 * first its identity, then what the kernel itself counts, then what we have counted since the
 * module was loaded. Each list is one word; `-` is an empty one, or a figure that isn't available.
 * All that we count is `-` where it couldn't be read consistently: the next read has it.
 *
 *   waits        bucket:count,... of wait_hist in bpf/wire.h
 *   preemptors   context:tid:count:error:comm;... the most frequent ones, by Space-Saving
 *   wakers       the same; a context is t(ask), s(oftirq) or h(ardirq)
 *
 * In a comm, what would end a word or a list is written as an octal \ooo, and so is everything that
 * isn't plain ASCII: a thread chooses its name, and a terminal may show this file. Numbers in the
 * first line are `-` for readers that may not see figures of the whole machine.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ptrace.h>
#include <linux/sched/clock.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "observer.h"

/* The first used slot from `*position - 1` on. Position 0 is the line of headings. */
static void *find(loff_t *position)
{
	struct observed *thread;

	for (; *position <= table_end(); ++*position) {
		thread = table_at(*position - 1);
		if (thread)
			return thread;
	}
	return NULL;
}

/* The RCU section keeps the threads that are shown from being freed; it ends with each buffer. */
static void *start(struct seq_file *file, loff_t *position) __acquires(RCU)
{
	rcu_read_lock();
	if (*position == 0)
		return SEQ_START_TOKEN;
	return *position > 0 ? find(position) : NULL;
}

static void *next(struct seq_file *file, void *row, loff_t *position)
{
	++*position;
	return find(position);
}

static void stop(struct seq_file *file, void *row) __releases(RCU)
{
	rcu_read_unlock();
}

static void show_headings(struct seq_file *file)
{
	struct table_counts counts = table_counts();

	seq_printf(file, "timeslice 1 threads time_ns %llu", ktime_get_mono_fast_ns());
	if (proc_reader(file)->whole_machine)
		seq_printf(file, " observed %llu refused_limit %llu refused_memory %llu\n",
			   counts.threads, counts.refused_limit, counts.refused_memory);
	else
		seq_puts(file, " observed - refused_limit - refused_memory -\n");
	seq_printf(file, "%7s %7s %7s %2s %4s %4s %4s %6s %5s", "tid", "tgid", "ppid", "st", "core",
		   "prio", "nice", "policy", "flags");
	seq_printf(file, " %10s %10s %14s %14s %12s %10s %8s", "nvcsw", "nivcsw", "cpu_ns",
		   "run_delay_ns", "pending_ns", "slices", "migrated");
	seq_printf(file, " %10s %10s %6s %10s %6s %14s %12s", "voluntary", "involunt", "missed",
		   "waits_n", "missed", "wait_sum_ns", "wait_max_ns");
	seq_printf(file, " %10s %10s %10s", "woken_task", "woken_soft", "woken_hard");
	seq_puts(file, " comm start_ns vruntime_ns cgroup ended_cpu_ns ended_nvcsw ended_nivcsw"
		       " syscall a0 a1 a2 a3 sp since_ns"
		       " last_preemptor last_waker preemptors wakers waits\n");
}

static u32 parent_of(struct task_struct *task, struct pid_namespace *namespace)
{
	return task_tgid_nr_ns(rcu_dereference(task->real_parent), namespace);
}

static void show_identity(struct seq_file *file, struct task_struct *task, u32 tid)
{
	struct pid_namespace *namespace = proc_reader(file)->namespace;
	const char *flags = task->flags & PF_KTHREAD ? "K" : task->flags & PF_IO_WORKER ? "W" : "-";

	seq_printf(file, "%7u %7u %7u %2c %4u %4d %4d %6u %3s%s%s", tid,
		   task_tgid_nr_ns(task, namespace), parent_of(task, namespace),
		   task_state_to_char(task), task_cpu(task), task->prio - MAX_RT_PRIO,
		   task_nice(task), task->policy, "", flags, READ_ONCE(task->on_cpu) ? "r" : "-");
}

#ifdef CONFIG_SCHED_INFO
/*
 * A sleeper may stay queued for a while (delayed dequeue), and if it is moved to another CPU then,
 * last_queued is set for the whole of its sleep.
 */
static bool is_queued_to_run(struct task_struct *task)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	if (READ_ONCE(task->se.sched_delayed))
		return false;
#endif
	return READ_ONCE(task->on_rq);
}

/* The current wait is in no total yet. The run queue's clock is sched_clock, too. */
static u64 pending_wait_ns(struct task_struct *task)
{
	u64 queued = READ_ONCE(task->sched_info.last_queued), now = local_clock();

	return queued && is_queued_to_run(task) && now > queued ? now - queued : 0;
}

static void show_kernels_waits(struct seq_file *file, struct task_struct *task)
{
	seq_printf(file, " %14llu %12llu %10lu", task->sched_info.run_delay, pending_wait_ns(task),
		   task->sched_info.pcount);
}
#else
static void show_kernels_waits(struct seq_file *file, struct task_struct *task)
{
	seq_printf(file, " %14s %12s %10s", "-", "-", "-");
}
#endif

static void show_kernels_figures(struct seq_file *file, struct task_struct *task)
{
	seq_printf(file, " %10lu %10lu %14llu", task->nvcsw, task->nivcsw,
		   task->se.sum_exec_runtime);
	show_kernels_waits(file, task);
	seq_printf(file, " %8llu", task->se.nr_migrations);
}

static void show_no_figures(struct seq_file *file)
{
	seq_printf(file, " %10s %10s %6s %10s %6s %14s %12s", "-", "-", "-", "-", "-", "-", "-");
	seq_printf(file, " %10s %10s %10s ", "-", "-", "-");
}

static void show_our_figures(struct seq_file *file, const struct ts_sched_row *row)
{
	seq_printf(file, " %10llu %10llu %6llu %10llu %6llu %14llu %12llu", row->voluntary,
		   row->involuntary, row->missed, row->waits, row->missed_waits, row->wait_sum_ns,
		   row->wait_max_ns);
	seq_printf(file, " %10llu %10llu %10llu ", row->wakeups[TS_CONTEXT_TASK],
		   row->wakeups[TS_CONTEXT_SOFTIRQ], row->wakeups[TS_CONTEXT_HARDIRQ]);
}

static void show_comm(struct seq_file *file, const char *comm)
{
	if (!*comm)
		seq_putc(file, '-');
	for (; *comm; comm++) {
		if (*comm > ' ' && *comm < 0x7f && !strchr("\\,;:-", *comm))
			seq_putc(file, *comm);
		else
			seq_printf(file, "\\%03o", (unsigned char)*comm);
	}
}

#ifdef CONFIG_X86_64
/*
 * A sleeper's registers are at the top of its kernel stack. It may wake and exit meanwhile, and its
 * stack be freed: so they are read by a function that tolerates a missing page, and trusted only if
 * the thread hasn't run meanwhile. 32-bit calls have other numbers, and other registers for their
 * arguments, so they are left out. Any program can make them, by int 0x80.
 */
static bool read_registers(struct task_struct *task, struct pt_regs *registers)
{
	unsigned long switches = READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);

	if (task->flags & (PF_KTHREAD | PF_IO_WORKER) || task->exit_state ||
	    state_of(task) == TASK_RUNNING || READ_ONCE(task->on_cpu))
		return false;
	if (copy_from_kernel_nofault(registers, task_pt_regs(task), sizeof(*registers)))
		return false;
	if (registers->cs == __USER32_CS || READ_ONCE(task_thread_info(task)->status) & TS_COMPAT)
		return false;
	return state_of(task) != TASK_RUNNING && !READ_ONCE(task->on_cpu) &&
	       switches == READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

static void show_syscall(struct seq_file *file, struct task_struct *task)
{
	struct pt_regs registers;

	if (proc_reader(file)->arguments && read_registers(task, &registers))
		seq_printf(file, " %ld %lu %lu %lu %lu %lu", (long)(int)registers.orig_ax,
			   registers.di, registers.si, registers.dx, registers.r10, registers.sp);
	else
		seq_puts(file, " - - - - - -");
}
#else
static void show_syscall(struct seq_file *file, struct task_struct *task)
{
	seq_puts(file, " - - - - - -");
}
#endif

static u64 cgroup_of(struct task_struct *task)
{
#ifdef CONFIG_CGROUPS
	return cgroup_id(task_dfl_cgroup(task));
#else
	return 0;
#endif
}

/*
 * What a process's ended threads did is in its first thread's row. The process's sums exist as long
 * as any of its tasks, so longer than this row.
 */
static void show_ended(struct seq_file *file, struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;

	if (task->pid == task->tgid && !(task->flags & PF_KTHREAD))
		seq_printf(file, " %llu %lu %lu", READ_ONCE(signal->sum_sched_runtime),
			   READ_ONCE(signal->nvcsw), READ_ONCE(signal->nivcsw));
	else
		seq_puts(file, " - - -");
}

static bool may_see(const struct reader *reader, struct task_struct *task)
{
	return !reader->own_only || uid_eq(task_uid(task), reader->uid);
}

/*
 * Peers are kept by their id in the initial namespace, with the name that they had. A reader that
 * doesn't see all of that gets the id and name of the task that has this id now, if it may see that
 * task: otherwise the peer has neither.
 */
static void show_peer(struct seq_file *file, const struct ts_peer *peer)
{
	static const char letters[TS_CONTEXTS] = {'?', 't', 's', 'h'};
	const struct reader *reader = proc_reader(file);
	char comm[TS_COMM_SIZE] = "";
	struct task_struct *task;
	u32 tid = 0;

	if (reader->namespace == &init_pid_ns && !reader->own_only) {
		tid = peer->kernel_tid;
		strscpy(comm, peer->comm, sizeof(comm));
	} else if (peer->kernel_tid) {
		task = pid_task(find_pid_ns(peer->kernel_tid, &init_pid_ns), PIDTYPE_PID);
		if (task && may_see(reader, task))
			tid = task_pid_nr_ns(task, reader->namespace);
		if (tid)
			strscpy(comm, task->comm, sizeof(comm));
	}
	seq_printf(file, "%c:%u:%llu:%llu:", letters[peer->context & 3], tid, peer->count,
		   peer->error);
	show_comm(file, comm);
}

static void show_peers(struct seq_file *file, const struct ts_peer *peers)
{
	unsigned int i;

	seq_putc(file, ' ');
	if (!peers[0].count)
		seq_putc(file, '-');
	for (i = 0; i < TS_PEERS && peers[i].count; i++) {
		if (i)
			seq_putc(file, ';');
		show_peer(file, &peers[i]);
	}
}

static void show_waits(struct seq_file *file, const struct ts_sched_row *row)
{
	const char *before = " ";
	unsigned int bucket;

	if (!row->waits)
		seq_puts(file, " -");
	for (bucket = 0; bucket < TS_WAIT_BUCKETS && row->waits; bucket++) {
		if (!row->wait_hist[bucket])
			continue;
		seq_printf(file, "%s%u:%u", before, bucket, row->wait_hist[bucket]);
		before = ",";
	}
	seq_putc(file, '\n');
}

static void show_our_lists(struct seq_file *file, const struct ts_sched_row *row)
{
	seq_printf(file, " %u %u", row->last_preemptor, row->last_waker);
	show_peers(file, row->preemptors);
	show_peers(file, row->wakers);
	show_waits(file, row);
}

static int show(struct seq_file *file, void *row)
{
	struct reader *reader = proc_reader(file);
	struct ts_sched_row *ours = &reader->row;
	struct observed *thread = row;
	struct task_struct *task;
	char comm[TS_COMM_SIZE];
	bool whole;
	u32 tid;

	if (row == SEQ_START_TOKEN) {
		show_headings(file);
		return 0;
	}
	task = thread->task;
	tid = task_pid_nr_ns(task, reader->namespace);
	if (!tid || !may_see(reader, task)) /* not visible to this reader, or released already */
		return SEQ_SKIP;
	whole = account_copy(ours, thread);
	strscpy(comm, task->comm, sizeof(comm));
	show_identity(file, task, tid);
	show_kernels_figures(file, task);
	if (whole)
		show_our_figures(file, ours);
	else
		show_no_figures(file);
	show_comm(file, comm);
	seq_printf(file, " %llu %llu %llu", task->start_boottime, task->se.vruntime,
		   cgroup_of(task));
	show_ended(file, task);
	show_syscall(file, task);
	seq_printf(file, " %llu", thread->row.since_ns);
	if (whole)
		show_our_lists(file, ours);
	else
		seq_puts(file, " - - - - -\n");
	return 0;
}

const struct seq_operations threads_seq = {
	.start = start,
	.next = next,
	.stop = stop,
	.show = show,
};
