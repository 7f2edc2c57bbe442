// SPDX-License-Identifier: MIT
// What does a thread sleep in? Named from the registers it saved on its way into the kernel.
#pragma once
#include <string>

#include "bpf/wire.h"

namespace timeslice::model {

// "epoll_wait", "futex", "page fault or exception"; empty where it runs, or nothing is known.
// `facts`, where the process was looked up, gives futexes their names: "futex: libuv cond".
std::string sleeps_in(const ts_thread_row& row, const ts_process_facts* facts);

// The name of a system call of this machine, or "syscall N".
std::string syscall_name(int number);

}  // namespace timeslice::model
