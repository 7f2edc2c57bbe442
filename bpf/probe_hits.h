/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* How do the hits of a probe point come to the reader? In one such value for each cookie. */
#ifndef TIMESLICE_PROBE_HITS_H
#define TIMESLICE_PROBE_HITS_H

#include <linux/types.h>

#define PROBE_ARGUMENTS 5

struct probe_hits {
	__u64 count;
	__s64 arguments; /* how many the last hit had */
	__s64 last[PROBE_ARGUMENTS];
};

#endif
