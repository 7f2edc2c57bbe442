/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who wakes? `current` is the waker in task context only; in an interrupt it is merely the thread
 * that was hit. The core's preempt count tells, where we know its place.
 */
#ifndef TIMESLICE_WAKE_CONTEXT_H
#define TIMESLICE_WAKE_CONTEXT_H

#include "kernel.h"
#include "wire.h"
#include <bpf/bpf_helpers.h>

/* From a core's run queue to its preempt count; set from BTF by the loader, 0 where it isn't known.
 */
const volatile __s64 rq_to_preempt_count = 0;

/* Is the current thread waking somebody, or was it merely running when an interrupt did? */
static __always_inline __u32 wake_context(struct task_struct *current)
{
	__u64 rq = (__u64)current->se.cfs_rq->rq;
	__u32 count = 0;

	if (!rq_to_preempt_count)
		return TS_CONTEXT_UNKNOWN;
	if (bpf_probe_read_kernel(&count, sizeof(count), (void *)(rq + rq_to_preempt_count)))
		return TS_CONTEXT_UNKNOWN;
	if (count & HARDIRQ_MASK)
		return TS_CONTEXT_HARDIRQ;
	return count & SERVING_SOFTIRQ ? TS_CONTEXT_SOFTIRQ : TS_CONTEXT_TASK;
}

#endif
