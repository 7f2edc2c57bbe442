/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * How do io_uring's operations come to the reader? Not one by one: each CPU sums them up by their
 * opcode, and by their ring if that is wished, and the reader adds the CPUs.
 */
#ifndef TIMESLICE_URING_H
#define TIMESLICE_URING_H

#include "wire.h"

#define TS_URING_OPS 128 /* opcodes told apart; a power of two, twice what kernels have */
#define TS_URING_UNNAMED TS_URING_OPS /* completions whose request isn't known */
#define TS_URING_SLOTS (TS_URING_OPS + 1)

/* Who did it? */
enum ts_uring_route {
	TS_URING_INLINE = 0,	     /* the submitting thread, at once, while it submitted */
	TS_URING_ASYNC_CALLBACK = 1, /* nobody waited: a device or a timer called back */
	TS_URING_POLL = 2,	     /* tried again when its file became ready */
	TS_URING_IO_WQ = 3,	     /* a kernel thread, which may block */
	TS_URING_ROUTES = 4,
};

/* Totals of one opcode since the programs were attached. */
struct ts_uring_op {
	__u64 completed[TS_URING_ROUTES]; /* CQEs, by the route of what was done for them */
	__u64 shots;   /* of those: from requests that went on after it (multishot) */
	__u64 refused; /* of those: SQEs that the kernel didn't take */
	__u64 submitted;
	__u64 without_cqe; /* of those: asked for no CQE, known to have ended by their reuse */
	__u64 unseen; /* requests that ended, as their reuse shows, and whose CQE we didn't see */
	__u64 latency_sum_ns;		     /* from submission to CQE, of requests with one CQE */
	__u32 latency_hist[TS_WAIT_BUCKETS]; /* the same, in the buckets of waits */
};

TS_ASSERT(sizeof(struct ts_uring_op) == 496);

/* A ring, as its process knows it; the kernel's own name for it is an address. */
struct ts_uring_ring {
	__u32 tgid;
	__s32 fd;	 /* -1: not known (yet) */
	__u64 since_ns;	 /* when it was made, or first met */
	__s64 in_flight; /* requests that have been met and haven't ended, as far as that is seen */
};

TS_ASSERT(sizeof(struct ts_uring_ring) == 24);

/* Of which a ts_uring_op is, where rings are told apart. */
struct ts_uring_key {
	__u32 tgid;
	__s32 fd;
	__u32 slot;
};

TS_ASSERT(sizeof(struct ts_uring_key) == 12);

#endif
