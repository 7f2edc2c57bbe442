/* SPDX-License-Identifier: GPL-2.0-only */
/* What may be chosen at load, and what while it runs? main.c says what each means. */
#ifndef TIMESLICE_PARAMETERS_H
#define TIMESLICE_PARAMETERS_H

extern unsigned int stream_kib;
extern unsigned int stream_buffers;
extern int stream_tgid;

#endif
