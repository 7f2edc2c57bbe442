/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A look at a few threads, chosen by the reader: what are they doing right now? Nothing is
 * attached; a look costs the reader a microsecond a thread, and the threads nothing.
 */
#include "kfuncs.h"
#include "look.h"
#include "row.h"

/* Both set by the reader before each call: whom to look at, and how many. */
struct ts_look looks[TS_LOOKS];
__u32 looked_at;

static __always_inline void take_registers(struct ts_look *look, struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs *regs;

	if (task->flags & (PF_KTHREAD | PF_IO_WORKER) || look->state == 'Z' || look->state == 'X')
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	if (regs->cs == USER32_CS || is_in_32bit_call(task))
		return;
	look->ip = regs->ip;
	look->sp = regs->sp;
	look->bp = regs->bp;
	look->bx = regs->bx;
	look->r12 = regs->r12;
	look->r13 = regs->r13;
	look->r14 = regs->r14;
	look->r15 = regs->r15;
	look->syscall_nr = regs->orig_ax;
	look->syscall_args[0] = regs->di;
	look->syscall_args[1] = regs->si;
	look->syscall_args[2] = regs->dx;
	look->syscall_args[3] = regs->r10;
	look->thread_pointer = task->thread.fsbase;
	look->have |= TS_LOOK_REGISTERS;
#endif
}

/* Whom it waits for: who has the CPU in whose queue it is. */
static __always_inline void take_rival(struct ts_look *look, struct task_struct *task)
{
	struct task_struct *rival = BPF_CORE_READ(task, se.cfs_rq, rq, curr);

	if (!rival || rival == task)
		return;
	look->have |= TS_LOOK_RIVAL;
	if (BPF_CORE_READ(rival, pid) == 0)
		return;
	look->rival_tid = reader_tid(rival);
	look->rival_tgid = reader_tid(BPF_CORE_READ(rival, group_leader));
	bpf_core_read_str(look->rival_comm, sizeof(look->rival_comm), &rival->comm);
}

static __always_inline void take_look(struct ts_look *look, struct task_struct *task)
{
	look->have = TS_LOOK_THREAD;
	look->start_ns = task->start_boottime;
	look->cpu_ns = task->se.sum_exec_runtime;
	look->nvcsw = task->nvcsw;
	look->nivcsw = task->nivcsw;
	look->state = state_letter(task);
	look->on_cpu = task->on_cpu;
	look->syscall_nr = -1;
	if (bpf_core_field_exists(task->sched_info.run_delay) &&
	    bpf_core_field_exists(task->se.cfs_rq)) {
		look->run_delay_ns = task->sched_info.run_delay;
		look->pending_wait_ns = pending_wait_ns(task);
		look->have |= TS_LOOK_WAIT;
		if (look->state == 'R' && !look->on_cpu && is_queued_to_run(task))
			take_rival(look, task);
	}
	take_registers(look, task);
}

static struct task_struct *(*bpf_task_from_pid)(__s32 pid) = (void *)TS_TASK_FROM_PID;
static void (*bpf_task_release)(struct task_struct *task) = (void *)TS_TASK_RELEASE;

/* Since 6.2 a thread can be asked for by its id, as the first PID namespace numbers it. */
SEC("syscall")
int look_by_id(void *ctx)
{
	__u32 i;

	for (i = 0; i < TS_LOOKS && i < looked_at; i++) {
		struct ts_look *look = &looks[i];
		struct task_struct *task = bpf_task_from_pid(look->tid);

		if (!task)
			continue;
		take_look(look, task);
		bpf_task_release(task);
	}
	return 0;
}

/* Which place a thread has among the looks: for the way that has to meet it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TS_LOOKS);
	__type(key, __u32);
	__type(value, __u32);
} places SEC(".maps");

/* Older kernels, and readers in another PID namespace, walk over all threads. */
SEC("iter/task")
int look_by_walk(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 tid, *place;

	note_reader();
	if (!task)
		return 0;
	tid = reader_tid(task);
	place = bpf_map_lookup_elem(&places, &tid);
	if (place && *place < TS_LOOKS)
		take_look(&looks[*place], task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
