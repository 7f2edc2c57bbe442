/* SPDX-License-Identifier: GPL-2.0-only */
/* Where does a wake-up come from: the current thread, or an interrupt on top of it? */
#ifndef TIMESLICE_CONTEXT_H
#define TIMESLICE_CONTEXT_H

#include <linux/preempt.h>

#include "bpf/wire.h"

/* In a handler: one of TS_CONTEXT_*. */
static inline u32 wakeup_context(void)
{
	if (preempt_count() & HARDIRQ_MASK)
		return TS_CONTEXT_HARDIRQ;
	return in_serving_softirq() ? TS_CONTEXT_SOFTIRQ : TS_CONTEXT_TASK;
}

#endif
