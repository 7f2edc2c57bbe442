// SPDX-License-Identifier: MIT
// What do /proc/PID/net/tcp and tcp6 say? The TCP sockets of that process's network namespace,
// without times.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/tcp_socket.h"

namespace timeslice::observe {

// One line of either file. Adds nothing where it is no socket's, or one's that nobody has open.
void add_tcp_line(std::string_view line, uint64_t at_ns, std::vector<TcpSocket>& sockets);

// Both files of one process, up to `most` sockets. False: they can't be read.
bool add_proc_tcp(uint32_t tgid, size_t most, std::vector<TcpSocket>& sockets);

}  // namespace timeslice::observe
