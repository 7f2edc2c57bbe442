/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What is one thread doing right now? What a look at a few chosen threads brings, many times a
 * second: the scheduler's figures, and the registers with which the thread entered the kernel last.
 * Of a sleeper they are those of its call; of one that runs, those of its last call or interrupt,
 * and the timer's is at most a tick ago.
 */
#ifndef TIMESLICE_LOOK_H
#define TIMESLICE_LOOK_H

#include "wire.h"

#define TS_LOOKS 64 /* threads that one call can look at */

enum ts_look_have {
	TS_LOOK_THREAD = 1 << 0,    /* it is there */
	TS_LOOK_REGISTERS = 1 << 1, /* of user space, 64 bits */
	TS_LOOK_WAIT = 1 << 2,	    /* run_delay_ns, pending_wait_ns */
	TS_LOOK_RIVAL = 1 << 3,	    /* it waits for a CPU, and rival_* is who has that CPU */
};

struct ts_look {
	__u32 tid;	/* set by the reader */
	__u32 have;	/* enum ts_look_have */
	__u64 start_ns; /* CLOCK_BOOTTIME; with tid the identity */
	__u64 cpu_ns;
	__u64 run_delay_ns;    /* finished waits on the run queue */
	__u64 pending_wait_ns; /* the wait that goes on now */
	__u64 nvcsw;
	__u64 nivcsw;
	__u64 thread_pointer; /* the base of fs */
	__u64 ip, sp, bp, bx, r12, r13, r14, r15;
	__u64 syscall_args[4];
	__s32 syscall_nr; /* -1: it came by an interrupt or a fault */
	char state;	  /* as ps shows it */
	__u8 on_cpu;
	__u8 pad[2];
	__u32 rival_tid; /* 0: nobody's, the CPU is idle; else as the reader's namespace has it */
	__u32 rival_tgid;
	char rival_comm[TS_COMM_SIZE]; /* ended by a zero */
};

#endif
