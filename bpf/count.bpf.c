/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Count mode: what has the kernel counted for each thread and CPU so far?
 *
 * Either of pass.h's programs makes one pass over all threads. It runs only when the reader calls
 * it, in that reader's own time, and attaches to nothing: between two passes it costs the machine
 * nothing.
 */
#include "pass.h"

static __always_inline void handle_thread(struct task_struct *task)
{
	visit(task);
}

char LICENSE[] SEC("license") = "GPL";
