// SPDX-License-Identifier: GPL-2.0-only
/*
 * How are the scheduler's tracepoints found, and which handlers are attached to them?
 *
 * They are not exported by name; for_each_kernel_tracepoint() visits all of them, and we pick ours.
 * The compiler checks each handler's arguments against the kernel that the module is built for
 * (check_trace_callback_type_*): a kernel with other arguments fails the build, instead of
 * crashing. If a tracepoint is missing, the module logs one line and refuses to load, with nothing
 * left attached.
 */
#include <linux/tracepoint.h>
#include <linux/version.h>
#include <trace/events/sched.h>
#include <trace/events/task.h>

#include "context.h"
#include "observer.h"

/* Run queue's lock held, interrupts off: count, look up, nothing else. */
static void count_switch(struct task_struct *prev, struct task_struct *next)
{
	struct observed *thread = NULL;

	if (prev->pid) { /* each CPU has an idle thread, and all of them have pid 0 */
		rcu_read_lock();
		thread = table_find(prev);
		if (thread)
			account_leave(thread, prev, next);
		rcu_read_unlock();
	}
	cores_switched(prev, next, prev->pid && !thread);
}

/* Since 5.18 the state that the thread left with is an argument: by now it may have changed. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
static void on_switch(void *data, bool preempt, struct task_struct *prev, struct task_struct *next,
		      unsigned int prev_state)
{
	count_switch(prev, next);
}

static void stream_on_switch(void *data, bool preempt, struct task_struct *prev,
			     struct task_struct *next, unsigned int prev_state)
{
	stream_switch(preempt, prev_state, prev, next);
}
#else
static void on_switch(void *data, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	count_switch(prev, next);
}

static void stream_on_switch(void *data, bool preempt, struct task_struct *prev,
			     struct task_struct *next)
{
	stream_switch(preempt, state_of(prev), prev, next);
}
#endif

/*
 * Mostly the woken task's pi_lock is held and interrupts are off. Where `current` wakes itself, or
 * an interrupt wakes the thread that it interrupted, only preemption is off, and another CPU may be
 * here for the same task.
 */
static void on_waking(void *data, struct task_struct *task)
{
	struct observed *thread;

	rcu_read_lock();
	thread = table_find(task);
	if (thread)
		account_wake(thread, current, wakeup_context());
	rcu_read_unlock();
}

/* 6.18 made the flags of clone as wide on 32-bit machines, and changed their type on all. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
typedef u64 clone_flags_t;
#else
typedef unsigned long clone_flags_t;
#endif

/*
 * At the end of copy_process(), in the parent: none of the scheduler's locks is held, so memory may
 * be allocated; on a real-time kernel it must come from the reserve. sched_process_fork is no
 * alternative: it doesn't report io_uring's workers. Idle threads of CPUs that come online have
 * pid 0, too.
 */
static void on_birth(void *data, struct task_struct *task, clone_flags_t clone_flags)
{
	struct observed *thread;

	if (!task->pid || table_add(task))
		return;
	rcu_read_lock();
	thread = table_find(task);
	if (thread)
		account_wake(thread, current, TS_CONTEXT_TASK);
	rcu_read_unlock();
}

/* From an RCU callback, after the last switch: the task can no longer run or be woken. */
static void on_free(void *data, struct task_struct *task)
{
	table_remove(task);
}

static void stream_on_waking(void *data, struct task_struct *task)
{
	stream_wake(TS_EVENT_WAKING, task);
}

static void stream_on_wakeup_new(void *data, struct task_struct *task)
{
	stream_wake(TS_EVENT_WAKE_NEW, task);
}

static void stream_on_migrate(void *data, struct task_struct *task, int to_cpu)
{
	stream_migrate(task, to_cpu);
}

static void stream_on_fork(void *data, struct task_struct *task, clone_flags_t clone_flags)
{
	if (task->pid)
		stream_identity(TS_EVENT_FORK, task, current, task->comm);
}

static void stream_on_exec(void *data, struct task_struct *task, pid_t old_pid,
			   struct linux_binprm *bprm)
{
	stream_identity(TS_EVENT_EXEC, task, NULL, task->comm);
}

static void stream_on_rename(void *data, struct task_struct *task, const char *comm)
{
	stream_identity(TS_EVENT_RENAME, task, NULL, comm);
}

static void __maybe_unused check_arguments(void)
{
	check_trace_callback_type_sched_switch(on_switch);
	check_trace_callback_type_sched_switch(stream_on_switch);
	check_trace_callback_type_sched_waking(on_waking);
	check_trace_callback_type_sched_waking(stream_on_waking);
	check_trace_callback_type_sched_wakeup_new(stream_on_wakeup_new);
	check_trace_callback_type_task_newtask(on_birth);
	check_trace_callback_type_task_newtask(stream_on_fork);
	check_trace_callback_type_sched_process_free(on_free);
	check_trace_callback_type_sched_migrate_task(stream_on_migrate);
	check_trace_callback_type_sched_process_exec(stream_on_exec);
	check_trace_callback_type_task_rename(stream_on_rename);
}

/* Since 6.16 sched_process_exit has an argument: is it the group's last thread? */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
static void stream_on_exit(void *data, struct task_struct *task, bool group_dead)
#else
static void stream_on_exit(void *data, struct task_struct *task)
#endif
{
	check_trace_callback_type_sched_process_exit(stream_on_exit);
	stream_exit(task);
}

struct probe {
	const char *name;
	void *handler;
	struct tracepoint *point;
	bool attached;
};

/* Ends before starts: a thread that ends between the two attachments was never added. */
static struct probe counting[] = {
	{"sched_process_free", on_free},
	{"task_newtask", on_birth},
	{"sched_waking", on_waking},
	{"sched_switch", on_switch},
};

static struct probe streaming[] = {
	{"task_newtask", stream_on_fork},	   {"task_rename", stream_on_rename},
	{"sched_process_exec", stream_on_exec},	   {"sched_process_exit", stream_on_exit},
	{"sched_migrate_task", stream_on_migrate}, {"sched_wakeup_new", stream_on_wakeup_new},
	{"sched_waking", stream_on_waking},	   {"sched_switch", stream_on_switch},
};

struct probes {
	struct probe *first;
	unsigned int count;
};

static void find_point(struct tracepoint *point, void *data)
{
	struct probes *probes = data;
	unsigned int i;

	for (i = 0; i < probes->count; i++)
		if (!strcmp(point->name, probes->first[i].name))
			probes->first[i].point = point;
}

static void detach(struct probes probes)
{
	while (probes.count--) {
		struct probe *probe = &probes.first[probes.count];

		if (probe->attached)
			tracepoint_probe_unregister(probe->point, probe->handler, NULL);
		probe->attached = false;
	}
	/* A handler may still be running on another CPU: after this none is. */
	tracepoint_synchronize_unregister();
}

static int attach(struct probes probes)
{
	unsigned int i;
	int error;

	for_each_kernel_tracepoint(find_point, &probes);
	for (i = 0; i < probes.count; i++) {
		struct probe *probe = &probes.first[i];

		error = probe->point ? tracepoint_probe_register(probe->point, probe->handler, NULL)
				     : -ENOENT;
		if (error) {
			pr_err("timeslice: no handlers attached: this kernel %s tracepoint %s\n",
			       probe->point ? "refused a handler on" : "lacks", probe->name);
			detach(probes);
			return error;
		}
		probe->attached = true;
	}
	return 0;
}

int probes_attach(void)
{
	return attach((struct probes){counting, ARRAY_SIZE(counting)});
}

void probes_detach(void)
{
	detach((struct probes){counting, ARRAY_SIZE(counting)});
}

int probes_attach_stream(void)
{
	return attach((struct probes){streaming, ARRAY_SIZE(streaming)});
}

void probes_detach_stream(void)
{
	detach((struct probes){streaming, ARRAY_SIZE(streaming)});
}
