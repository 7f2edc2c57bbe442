// SPDX-License-Identifier: GPL-2.0-only
/*
 * How does each event reach user space? As a record of bpf/wire.h, through relay: the kernel's own
 * per-CPU buffers, which user space reads or maps as files in debugfs.
 *
 * relay suits this context: when a sub-buffer is full, its reader is woken from a separate
 * interrupt (irq_work), not from here, where a wake-up would need the lock that the scheduler
 * holds. A sub-buffer becomes readable when it is full, and each CPU's last one when the stream is
 * switched off: so a reader never sees one that is being written, and none of them ends in the
 * middle of a record. Nothing is overwritten: records for which there is no room are counted, and
 * the next record is preceded by one that says how many are missing. Ids are those of the initial
 * PID namespace.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/relay.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "context.h"
#include "observer.h"

static unsigned int stream_kib = 64;
module_param(stream_kib, uint, 0444);
MODULE_PARM_DESC(stream_kib, "size of a sub-buffer of the stream in KiB, 4 to 4096");

static unsigned int stream_buffers = 16;
module_param(stream_buffers, uint, 0444);
MODULE_PARM_DESC(stream_buffers, "sub-buffers per CPU, 2 to 1024");

static int stream_tgid;
module_param(stream_tgid, int, 0644);
MODULE_PARM_DESC(stream_tgid, "stream only events of this process's threads; 0: all processes");

static struct rchan *channel;
static struct dentry *directory;

struct stream_core {
	struct ts_stream_core figures;
	u64 lost;    /* since the last record of this CPU */
	void *begun; /* the sub-buffer that is being filled; NULL: none */
	size_t used; /* bytes written to it */
};

static DEFINE_PER_CPU(struct stream_core, stream_cores);

/*
 * relay's read() would also return the filled part of the current sub-buffer; but while that one is
 * exchanged for the next, it may return data that was never written, or was read before, and take a
 * full buffer for one whose oldest part was overwritten. An offset past the end means that there is
 * no current sub-buffer. It is set when relay creates a buffer, and stays: we keep our own
 * position, and relay exchanges nothing, so nothing uses the value returned here.
 *
 * Since 6.17 the previous sub-buffer's padding is no longer an argument.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
static int show_no_current_one(struct rchan_buf *buffer, void *sub_buffer, void *before)
#else
static int show_no_current_one(struct rchan_buf *buffer, void *sub_buffer, void *before,
			       size_t before_padding)
#endif
{
	buffer->offset = buffer->chan->subbuf_size + 1;
	return 0;
}

/*
 * debugfs files that are protected against removal can't be mapped. relay's own operations may
 * outlive the removal, because each open file holds its buffer. Before 5.11, though, they call back
 * into us when a mapping ends, however late: there the protection stays, and nothing can be mapped.
 */
static struct dentry *create_file(const char *name, struct dentry *parent, umode_t mode,
				  struct rchan_buf *buffer, int *is_global)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
	return debugfs_create_file_unsafe(name, 0400, parent, buffer, &relay_file_operations);
#else
	return debugfs_create_file(name, 0400, parent, buffer, &relay_file_operations);
#endif
}

static int remove_file(struct dentry *file)
{
	debugfs_remove(file);
	return 0;
}

static struct rchan_callbacks callbacks = {
	.subbuf_start = show_no_current_one,
	.create_buf_file = create_file,
	.remove_buf_file = remove_file,
};

bool stream_parameters_valid(void)
{
	return stream_kib >= 4 && stream_kib <= 4096 && stream_buffers >= 2 &&
	       stream_buffers <= 1024;
}

/* Memory is allocated when the stream is first switched on, and kept: records may still be read. */
int stream_make(void)
{
	if (channel)
		return 0;
	directory = debugfs_create_dir("timeslice", NULL);
	channel = relay_open("stream", directory, stream_kib * 1024UL, stream_buffers, &callbacks,
			     NULL);
	if (channel)
		return 0;
	pr_err("timeslice: no stream: debugfs or memory for %u x %u KiB per CPU is missing; "
	       "/proc/timeslice works without it\n",
	       stream_buffers, stream_kib);
	debugfs_remove(directory);
	directory = NULL;
	return -ENOMEM;
}

void stream_unmake(void)
{
	if (channel)
		relay_close(channel);
	debugfs_remove(directory);
	channel = NULL;
	directory = NULL;
}

void stream_read(unsigned int cpu, struct ts_stream_core *figures)
{
	*figures = per_cpu(stream_cores, cpu).figures;
	figures->cpu = cpu;
}

/* From now on a reader may have the bytes written so far; the rest is padding. */
static void hand_over(struct stream_core *core, struct rchan_buf *buffer)
{
	buffer->padding[buffer->subbufs_produced % channel->n_subbufs] =
		channel->subbuf_size - core->used;
	linger();
	smp_store_release(&buffer->subbufs_produced, buffer->subbufs_produced + 1);
	core->begun = NULL;
	smp_mb(); /* a reader not seen waiting sees the data: it pairs with set_current_state() */
	if (waitqueue_active(&buffer->read_wait))
		irq_work_queue(&buffer->wakeup_work);
}

/* Contiguous, in the sub-buffer that is being filled or, if that has been read, in the next. */
static bool make_room(struct stream_core *core, size_t size)
{
	struct rchan_buf *buffer = *this_cpu_ptr(channel->buf);

	if (core->begun && core->used + size > channel->subbuf_size)
		hand_over(core, buffer);
	if (core->begun)
		return true;
	if (relay_buf_full(buffer))
		return false;
	core->begun = buffer->start +
		      buffer->subbufs_produced % channel->n_subbufs * channel->subbuf_size;
	core->used = 0;
	return true;
}

static void put(struct stream_core *core, const void *record, size_t size)
{
	memcpy(core->begun + core->used, record, size);
	core->used += size;
	core->figures.records++;
	core->figures.bytes += size;
}

static void say_what_is_lost(struct stream_core *core, const struct ts_event *next)
{
	struct ts_event_lost lost = {.event = *next, .records = core->lost};

	lost.event.kind = TS_EVENT_LOST;
	lost.event.tid = 0;
	put(core, &lost, sizeof(lost));
	core->lost = 0;
}

/*
 * With interrupts off, so that no other record of this CPU comes in between. The first one after a
 * gap is written together with the record that reports the gap, or not at all.
 */
static void write_record(struct ts_event *event, size_t size)
{
	struct stream_core *core;
	unsigned long flags;

	local_irq_save(flags);
	core = this_cpu_ptr(&stream_cores);
	event->time_ns = ktime_get_mono_fast_ns();
	event->cpu = smp_processor_id();
	if (make_room(core, size + (core->lost ? sizeof(struct ts_event_lost) : 0))) {
		if (core->lost)
			say_what_is_lost(core, event);
		put(core, event, size);
	} else {
		core->figures.dropped[TS_DROP_FULL]++;
		core->lost++;
	}
	local_irq_restore(flags);
}

/* No handler is attached any more: there are no writers, and readers must get the last records. */
void stream_end(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct stream_core *core = per_cpu_ptr(&stream_cores, cpu);

		if (core->begun)
			hand_over(core, *per_cpu_ptr(channel->buf, cpu));
	}
}

static bool wanted(struct task_struct *task)
{
	int tgid = READ_ONCE(stream_tgid);

	return !tgid || task->tgid == tgid;
}

static u16 leaving(bool preempt, unsigned int state)
{
	if (preempt)
		return TS_LEAVING_PREEMPTED;
	if (state & TASK_DEAD)
		return TS_LEAVING_DEAD;
	if ((state & TASK_IDLE) == TASK_IDLE)
		return TS_LEAVING_IDLE;
	return state & (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE | __TASK_STOPPED | __TASK_TRACED |
			TASK_PARKED);
}

/* The wait that ends here isn't in run_delay yet, and we can't read the run queue's clock. */
void stream_switch(bool preempt, unsigned int state, struct task_struct *prev,
		   struct task_struct *next)
{
	struct ts_event_switch record = {
		.event = {.kind = TS_EVENT_SWITCH, .tid = next->pid, .prio = next->prio},
		.prev_tid = prev->pid,
		.prev_state = leaving(preempt, state),
		.prev_nvcsw = prev->nvcsw,
		.prev_nivcsw = prev->nivcsw,
		.wait_ns = TS_WAIT_UNKNOWN,
	};

	if (wanted(prev) || wanted(next))
		write_record(&record.event, sizeof(record));
}

void stream_wake(u8 kind, struct task_struct *task)
{
	struct ts_event_wake record = {
		.event = {.kind = kind, .tid = task->pid, .prio = task->prio},
		.waker_tid = current->pid,
		.target_cpu = task_cpu(task),
		.context = wakeup_context(),
	};

	if (wanted(task))
		write_record(&record.event, sizeof(record));
}

void stream_migrate(struct task_struct *task, int to_cpu)
{
	struct ts_event_migrate record = {
		.event = {.kind = TS_EVENT_MIGRATE, .tid = task->pid, .prio = task->prio},
		.from_cpu = task_cpu(task),
		.to_cpu = to_cpu,
	};

#ifdef CONFIG_SCHED_INFO
	record.run_delay_low = task->sched_info.run_delay;
#endif

	if (wanted(task))
		write_record(&record.event, sizeof(record));
}

/* 0: the task has been released. Its name can still be set through a file opened before. */
static u32 tgid_of_parent(struct task_struct *task)
{
	u32 tgid = 0;

	rcu_read_lock();
	if (pid_alive(task))
		tgid = rcu_dereference(task->real_parent)->tgid;
	rcu_read_unlock();
	return tgid;
}

void stream_identity(u8 kind, struct task_struct *task, struct task_struct *parent,
		     const char *comm)
{
	struct ts_event_identity record = {
		.event = {.kind = kind, .tid = task->pid, .prio = task->prio},
		.tgid = task->tgid,
		.ppid = tgid_of_parent(task),
		.parent_tid = parent ? parent->pid : 0,
		.flags = (task->flags & PF_KTHREAD ? TS_THREAD_KERNEL : 0) |
			 (task->flags & PF_IO_WORKER ? TS_THREAD_IO_WORKER : 0),
		.start_ns = task->start_boottime,
	};

	strscpy(record.comm, comm, sizeof(record.comm));
	if (wanted(task))
		write_record(&record.event, sizeof(record));
}

void stream_exit(struct task_struct *task)
{
	struct ts_event_exit record = {
		.event = {.kind = TS_EVENT_EXIT, .tid = task->pid, .prio = task->prio},
		.start_ns = task->start_boottime,
		.nvcsw = task->nvcsw,
		.nivcsw = task->nivcsw,
		.cpu_ns = task->se.sum_exec_runtime,
		.migrations = task->se.nr_migrations,
	};

#ifdef CONFIG_SCHED_INFO
	record.run_delay_ns = task->sched_info.run_delay;
	record.slices = task->sched_info.pcount;
#endif
	if (wanted(task))
		write_record(&record.event, sizeof(record));
}
