/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What does the kernel already know of a thread and of a core? Everything in these rows is counted
 * by the kernel itself, whether anybody looks or not: reading it attaches no probe, and a program
 * that isn't looked at pays nothing.
 */
#ifndef TIMESLICE_ROW_H
#define TIMESLICE_ROW_H

#include "kernel.h"
#include "wire.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* The PID namespace of whoever reads, set by each pass: ids are numbered as that reader sees them.
 */
__u32 reader_level;
__u64 reader_ns;

/*
 * Pointers are followed by bpf_core_read rather than by loads: for each pointer that a load brings,
 * the verifier of recent kernels searches all of the kernel's types by name, which at 30 such loads
 * made up four fifths of the time from start to first frame.
 */
static __always_inline void note_reader(void)
{
	struct task_struct *reader = (void *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(reader, thread_pid);
	struct upid upid = {};

	reader_level = BPF_CORE_READ(pid, level);
	bpf_core_read(&upid, sizeof(upid), &pid->numbers[reader_level]);
	reader_ns = (__u64)upid.ns;
}

/* The thread's id as the reader's namespace numbers it; 0 where it isn't visible there. */
static __always_inline __u32 reader_tid(struct task_struct *task)
{
	struct pid *pid;
	struct upid upid = {};

	if (reader_level == 0)
		return BPF_CORE_READ(task, pid);
	pid = BPF_CORE_READ(task, thread_pid);
	if (!pid || BPF_CORE_READ(pid, level) < reader_level)
		return 0;
	bpf_core_read(&upid, sizeof(upid), &pid->numbers[reader_level]);
	return (__u64)upid.ns == reader_ns ? upid.nr : 0;
}

/* The letter that ps shows, from the two state fields (fs/proc/array.c, task_state_array). */
static __always_inline char state_letter(struct task_struct *task)
{
	unsigned int state = task->__state | task->exit_state;

	if (state & (EXIT_ZOMBIE | EXIT_DEAD | TASK_DEAD))
		return state & EXIT_ZOMBIE ? 'Z' : 'X';
	if (state & TASK_UNINTERRUPTIBLE)
		return state & TASK_NOLOAD ? 'I' : 'D';
	if (state & TASK_TRACED)
		return 't';
	if (state & TASK_STOPPED)
		return 'T';
	if (state & TASK_PARKED)
		return 'P';
	return state ? 'S' : 'R';
}

static __always_inline __s32 core_of(struct task_struct *task)
{
	struct task_struct___before_5_16 *older = (void *)task;

	if (bpf_core_field_exists(task->thread_info.cpu))
		return task->thread_info.cpu;
	return BPF_CORE_READ(older, cpu);
}

/*
 * A sleeper may stay queued for a while (delayed dequeue), and last_queued is set if it is moved to
 * another core then, for the whole of its sleep.
 */
static __always_inline bool is_queued_to_run(struct task_struct *task)
{
	if (!task->on_rq)
		return false;
	return !bpf_core_field_exists(task->se.sched_delayed) || !task->se.sched_delayed;
}

/* A wait that still goes on is in no total yet: the core's clock less the moment of queueing. */
static __always_inline __u64 pending_wait_ns(struct task_struct *task)
{
	__u64 queued = task->sched_info.last_queued;
	__u64 now;

	if (!queued || !is_queued_to_run(task))
		return 0;
	now = BPF_CORE_READ(task, se.cfs_rq, rq, clock);
	return now > queued ? now - queued : 0;
}

static __always_inline void fill_figures(struct ts_thread_row *row, struct task_struct *task)
{
	row->nvcsw = task->nvcsw;
	row->nivcsw = task->nivcsw;
	row->cpu_ns = task->se.sum_exec_runtime;
	row->migrations = task->se.nr_migrations;
	row->vruntime_ns = task->se.vruntime;
	row->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	row->record.have |= TS_HAVE_SWITCHES | TS_HAVE_CPU | TS_HAVE_MIGRATIONS | TS_HAVE_VRUNTIME |
			    TS_HAVE_CGROUP | TS_HAVE_FLAGS;
	if (bpf_core_field_exists(task->sched_info.run_delay)) {
		row->run_delay_ns = task->sched_info.run_delay;
		row->slices = task->sched_info.pcount;
		row->record.have |= TS_HAVE_WAIT;
		if (bpf_core_field_exists(task->se.cfs_rq)) {
			row->pending_wait_ns = pending_wait_ns(task);
			row->record.have |= TS_HAVE_PENDING;
		}
	}
}

static __always_inline bool leads_a_process(struct task_struct *task)
{
	return task->pid == task->tgid && !(task->flags & PF_KTHREAD);
}

/* A thread that ends leaves its totals with its process, as it leaves the list that passes walk. */
static __always_inline __u64 ended_cpu_ns(struct task_struct *leader)
{
	if (!bpf_core_field_exists(struct signal_struct, sum_sched_runtime))
		return 0;
	return BPF_CORE_READ(leader, signal, sum_sched_runtime);
}

static __always_inline void fill_ended(struct ts_thread_row *row, struct task_struct *task)
{
	struct signal_struct *signal;

	if (!leads_a_process(task) ||
	    !bpf_core_field_exists(struct signal_struct, sum_sched_runtime))
		return;
	signal = BPF_CORE_READ(task, signal);
	row->ended_cpu_ns = BPF_CORE_READ(signal, sum_sched_runtime);
	row->ended_nvcsw = BPF_CORE_READ(signal, nvcsw);
	row->ended_nivcsw = BPF_CORE_READ(signal, nivcsw);
	row->record.have |= TS_HAVE_ENDED_CPU | TS_HAVE_ENDED_SWITCHES;
}

#define IN_32BIT_CALL 2 /* TS_COMPAT: arch/x86/include/asm/thread_info.h */
/* Kernels that know no 32-bit calls may have no `status`. */
struct thread_info___with_status {
	__u32 status;
} __attribute__((preserve_access_index));

static __always_inline bool is_in_32bit_call(struct task_struct *task)
{
	struct thread_info___with_status *info = (void *)&task->thread_info;

	return bpf_core_field_exists(info->status) && BPF_CORE_READ(info, status) & IN_32BIT_CALL;
}

/*
 * A sleeper's registers were saved on its way into the kernel: which call, with which arguments. Of
 * one that runs they are its last entry's, and good for no more than to know its stack by. A thread
 * that has ended has no stack any more, and zeros read from there would be a read(). 32-bit calls
 * have other numbers, and other registers for their arguments: they are left out. Any program can
 * make them, by int 0x80.
 */
#define USER32_CS 0x23 /* the code segment of 32-bit programs: arch/x86/include/asm/segment.h */
static __always_inline void fill_syscall(struct ts_thread_row *row, struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs *regs;

	row->syscall_nr = -1;
	if (row->state == 'Z' || row->state == 'X' ||
	    (row->flags & (TS_THREAD_KERNEL | TS_THREAD_IO_WORKER)))
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	row->user_sp = regs->sp;
	if (row->state == 'R' || regs->cs == USER32_CS || is_in_32bit_call(task))
		return;
	row->syscall_nr = regs->orig_ax;
	row->syscall_args[0] = regs->di;
	row->syscall_args[1] = regs->si;
	row->syscall_args[2] = regs->dx;
	row->syscall_args[3] = regs->r10;
	row->record.have |= TS_HAVE_SYSCALL;
#endif
}

static __always_inline void fill_thread_row(struct ts_thread_row *row, struct task_struct *task)
{
	unsigned int flags = task->flags;

	__builtin_memset(row, 0, sizeof(*row));
	row->record.kind = TS_RECORD_THREAD;
	row->record.size = sizeof(*row);
	row->tid = reader_tid(task);
	row->tgid = reader_tid(BPF_CORE_READ(task, group_leader));
	row->ppid = reader_tid(BPF_CORE_READ(task, real_parent, group_leader));
	row->start_ns = task->start_boottime;
	row->state = state_letter(task);
	row->cpu = core_of(task);
	row->prio = task->prio - 100;
	row->nice = task->static_prio - 120;
	row->policy = task->policy;
	row->flags = (flags & PF_KTHREAD ? TS_THREAD_KERNEL : 0) |
		     (flags & PF_IO_WORKER ? TS_THREAD_IO_WORKER : 0);
	if (bpf_core_field_exists(task->on_cpu)) {
		row->flags |= task->on_cpu ? TS_THREAD_ON_CPU : 0;
		row->record.have |= TS_HAVE_ON_CPU;
	}
	bpf_core_read_str(row->comm, sizeof(row->comm), &task->comm);
	fill_figures(row, task);
	fill_ended(row, task);
	fill_syscall(row, task);
}

/* A core's own ksoftirqd is queued nowhere else, and so leads to that core's run queue. */
static __always_inline bool is_core_guide(struct task_struct *task)
{
	char comm[TS_COMM_SIZE];

	if (!(task->flags & PF_KTHREAD) || !bpf_core_field_exists(task->se.cfs_rq))
		return false;
	bpf_core_read_str(comm, sizeof(comm), &task->comm);
	return bpf_strncmp(comm, 10, "ksoftirqd/") == 0;
}

static __always_inline void fill_core_row(struct ts_core_row *row, struct task_struct *guide)
{
	struct cfs_rq *cfs = BPF_CORE_READ(guide, se.cfs_rq);
	struct rq *rq = BPF_CORE_READ(cfs, rq);

	row->record.kind = TS_RECORD_CORE;
	row->record.size = sizeof(*row);
	row->record.have = TS_HAVE_CORE_SWITCHES | TS_HAVE_CORE_QUEUE;
	row->cpu = BPF_CORE_READ(rq, cpu);
	row->switches = BPF_CORE_READ(rq, nr_switches);
	row->queue_len = BPF_CORE_READ(rq, nr_running);
	/* Since 6.12 a sleeper may stay queued until its lag is paid: it doesn't want the core. */
	if (bpf_core_field_exists(cfs->h_nr_runnable))
		row->queue_len -=
			BPF_CORE_READ(cfs, h_nr_queued) - BPF_CORE_READ(cfs, h_nr_runnable);
}

#endif
