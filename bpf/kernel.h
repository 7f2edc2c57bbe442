/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of the kernel's structs do we look into, and at which fields?
 *
 * Exactly these. They are declared by hand with just the fields read; their offsets here mean
 * nothing, for CO-RE (preserve_access_index) has libbpf replace each by the running kernel's own.
 * A name behind three underscores is the same struct as an older kernel had it.
 * Whole numbers are unsigned here, whatever they are there: kernels narrow fields (7.2 made on_cpu
 * one byte), and libbpf fits a load to another width only where its value isn't signed. Read in
 * linux 5.15 to 6.18: include/linux/sched.h, kernel/sched/sched.h, include/linux/pid.h.
 */
#ifndef TIMESLICE_KERNEL_H
#define TIMESLICE_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define PF_KTHREAD 0x00200000
#define PF_IO_WORKER 0x00000010

/* preempt_count()'s fields, include/linux/preempt.h */
#define SERVING_SOFTIRQ 0x00000100
#define HARDIRQ_MASK 0x000f0000

/* task->__state and task->exit_state */
#define TASK_UNINTERRUPTIBLE 0x02
#define TASK_STOPPED 0x04
#define TASK_TRACED 0x08
#define EXIT_DEAD 0x10
#define EXIT_ZOMBIE 0x20
#define TASK_PARKED 0x40
#define TASK_DEAD 0x80
#define TASK_NOLOAD 0x400

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pid_namespace;
struct upid {
	unsigned int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct kernfs_node {
	__u64 id;
};
struct cgroup {
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct;
struct rq {
	unsigned int nr_running;
	__u64 nr_switches;
	__u64 clock;
	unsigned int cpu;
	struct task_struct *curr;
};
struct cfs_rq {
	struct rq *rq;
	unsigned int h_nr_queued;
	unsigned int h_nr_runnable;
};
struct sched_entity {
	__u64 sum_exec_runtime;
	__u64 vruntime;
	__u64 nr_migrations;
	struct cfs_rq *cfs_rq;
	unsigned char sched_delayed; /* since 6.12 */
};
struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
	unsigned long long last_queued;
};
struct signal_struct {
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long long sum_sched_runtime;
};
struct thread_info {
	__u32 cpu;
};
struct thread_struct {
	unsigned long fsbase; /* x86 */
};
struct task_struct {
	struct thread_info thread_info;
	struct thread_struct thread;
	unsigned int __state;
	unsigned int flags;
	unsigned int on_cpu;
	unsigned int prio;
	unsigned int static_prio;
	unsigned int on_rq;
	struct sched_entity se;
	unsigned int policy;
	struct sched_info sched_info;
	unsigned int exit_state;
	unsigned int pid;
	unsigned int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct signal_struct *signal;
	unsigned long nvcsw;
	unsigned long nivcsw;
	__u64 start_boottime;
	char comm[16];
	struct css_set *cgroups;
};
struct task_struct___before_5_16 {
	unsigned int cpu;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r10;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long sp;
};
#endif

struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#endif
