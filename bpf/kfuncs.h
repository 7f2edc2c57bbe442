/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Which of the kernel's functions does a program call that are no helpers, and that older kernels
 * lack? It calls them by these numbers, which no helper has; before the load, the place of each is
 * given to what this kernel's types know by its name, or the program is left out. Were they weak
 * symbols, libbpf 1.1 would look for what isn't there among the types of all modules as well, which
 * the kernel shows to CAP_SYS_ADMIN alone: then nobody could load the other programs with less.
 */
#ifndef TIMESLICE_KFUNCS_H
#define TIMESLICE_KFUNCS_H

enum ts_kfunc {
	TS_ITER_NEW = 1000000,
	TS_ITER_NEXT,
	TS_ITER_DESTROY,
	TS_RCU_READ_LOCK,
	TS_RCU_READ_UNLOCK,
	TS_TASK_FROM_PID,
	TS_TASK_RELEASE,
	TS_KFUNC_END,
};

#endif
