/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * How do an event loop's turns come to the reader? Not one by one: each watched loop has one such
 * value, and the thread that runs the loop adds to it at the end of each turn.
 */
#ifndef TIMESLICE_TURNS_H
#define TIMESLICE_TURNS_H

#include "wire.h"

#define TS_TURN_LOOPS 4096 /* loops watched at a time */

/* Of which part of a turn was the time? A probe says where one begins. */
enum ts_turn_phase {
	TS_PHASE_POLL = 0,  /* callbacks of events */
	TS_PHASE_CHECK = 1, /* setImmediate's, and those of closed handles */
	TS_PHASE_TIMERS = 2,
	TS_PHASE_PREPARE = 3, /* idle and prepare handles, up to the next wait */
	TS_TURN_PHASES = 4,   /* a power of two */
};

struct ts_longest_turn {
	__u64 interval; /* the reader's number of the interval in which it ended */
	__u64 ns;
	__u64 start_ns; /* CLOCK_MONOTONIC */
};

struct ts_loop_turns {
	/* Set by the reader. */
	__u64 count_at; /* where the loop counts its turns, in its process; 0: nowhere */
	__u64 address;	/* the loop's own, in its process */
	__s32 epoll_fd;

	/* The state of the loop. */
	__u32 in_wait;
	__u32 times_out_at_once; /* the last wait does */
	__u32 has_events;	 /* a wait of this turn has brought some */
	__s64 returned;		 /* what the last wait has returned */
	__s64 room;		 /* and for how many events there was room */
	__u64 turn_start_ns;	 /* CLOCK_MONOTONIC; 0: not known */
	__u64 count;		 /* as the loop counts, at its last wait */
	__u32 counted;		 /* count is known */
	__u32 phase;		 /* enum ts_turn_phase */
	__u64 phase_start_ns;

	/* Totals since it is watched. */
	__u32 hist[TS_WAIT_BUCKETS]; /* turns that have ended, in the buckets of waits */
	__u64 turn_ns;		     /* how long those were, in all */
	__u64 waits;		     /* calls that wait for events: one or more a turn */
	__u64 missed; /* turns of which the loop has counted more than came by here */
	__u64 phase_ns[TS_TURN_PHASES];	   /* of turn_ns, where probes tell them apart */
	__u64 phase_hits;		   /* of those probes */
	struct ts_longest_turn longest[2]; /* of the even intervals, and of the odd */
};

TS_ASSERT(sizeof(struct ts_loop_turns) == 608);

#endif
