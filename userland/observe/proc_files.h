// SPDX-License-Identifier: MIT
// What do the files of one thread under /proc say? Each function fills its part of a row and names
// it in `have`; a file that is missing or forbidden leaves that part absent.
#pragma once
#include "bpf/wire.h"

namespace timeslice::observe {

// `thread_dir`: a descriptor of /proc/TGID/task/TID. False: the thread is gone, or has no such
// file.
bool read_stat(int thread_dir, ts_thread_row& row);       // ids apart: all of the thread's `stat`
void read_status(int thread_dir, ts_thread_row& row);     // voluntary and involuntary switches
bool read_schedstat(int thread_dir, ts_thread_row& row);  // CPU time, run-queue wait, slices
void read_syscall(int thread_dir, ts_thread_row& row);    // needs ptrace rights on the process

}  // namespace timeslice::observe
