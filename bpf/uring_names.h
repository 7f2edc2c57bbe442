/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What does the kernel call io_uring's opcodes? As its io_uring_get_opcode() has it. */
#ifndef TIMESLICE_URING_NAMES_H
#define TIMESLICE_URING_NAMES_H

#include "wire.h"

/* NULL: it is newer than this list, which is include/uapi/linux/io_uring.h's enum io_uring_op. */
static inline const char *ts_uring_op_name(__u32 opcode)
{
	static const char *const names[] = {
		"NOP",
		"READV",
		"WRITEV",
		"FSYNC",
		"READ_FIXED",
		"WRITE_FIXED",
		"POLL_ADD",
		"POLL_REMOVE",
		"SYNC_FILE_RANGE",
		"SENDMSG",
		"RECVMSG",
		"TIMEOUT",
		"TIMEOUT_REMOVE",
		"ACCEPT",
		"ASYNC_CANCEL",
		"LINK_TIMEOUT",
		"CONNECT",
		"FALLOCATE",
		"OPENAT",
		"CLOSE",
		"FILES_UPDATE",
		"STATX",
		"READ",
		"WRITE",
		"FADVISE",
		"MADVISE",
		"SEND",
		"RECV",
		"OPENAT2",
		"EPOLL_CTL",
		"SPLICE",
		"PROVIDE_BUFFERS",
		"REMOVE_BUFFERS",
		"TEE",
		"SHUTDOWN",
		"RENAMEAT",
		"UNLINKAT",
		"MKDIRAT",
		"SYMLINKAT",
		"LINKAT",
		"MSG_RING",
		"FSETXATTR",
		"SETXATTR",
		"FGETXATTR",
		"GETXATTR",
		"SOCKET",
		"URING_CMD",
		"SEND_ZC",
		"SENDMSG_ZC",
		"READ_MULTISHOT",
		"WAITID",
		"FUTEX_WAIT",
		"FUTEX_WAKE",
		"FUTEX_WAITV",
		"FIXED_FD_INSTALL",
		"FTRUNCATE",
		"BIND",
		"LISTEN",
		"RECV_ZC",
		"EPOLL_WAIT",
		"READV_FIXED",
		"WRITEV_FIXED",
		"PIPE",
		"NOP128",
		"URING_CMD128",
	};

	return opcode < sizeof(names) / sizeof(names[0]) ? names[opcode] : NULL;
}

#endif
