/* SPDX-License-Identifier: GPL-2.0-only */
/* Which parameters does the stream have? main.c describes them. */
#ifndef TIMESLICE_PARAMETERS_H
#define TIMESLICE_PARAMETERS_H

extern unsigned int stream_kib;
extern unsigned int stream_buffers;
extern int stream_tgid;

#endif
