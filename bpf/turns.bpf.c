/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long is each turn of an event loop? From where its wait for events returns to where the next
 * one begins. Tracepoints of these calls alone, and of the watched loops only: a loop is known by
 * its thread and the descriptor that it waits at.
 *
 * A turn isn't simply what lies between two calls. libuv, where it keeps the time that it waits,
 * first asks whether there is something already, with a timeout of 0, and then waits; it also waits
 * on after a signal, and asks for more where the room for events was full. All of these belong to
 * one turn, which libuv counts before the first of them (uv_run() and uv__io_poll(), 1.45 to 1.52).
 * So its count tells. Before 1.45, which doesn't count, the calls themselves do.
 */
#include "row.h"
#include "turns.h"

#define EINTR 4

/* By the thread's id, as the reader's namespace has it. Only that thread changes its value. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TS_TURN_LOOPS);
	__type(key, __u32);
	__type(value, struct ts_loop_turns);
} loops SEC(".maps");

/* Counted up by the reader each time before it reads. */
__u64 interval;

/* include/trace/syscall.h, as perf hands it to a program. */
struct call_begins {
	__u64 regs;
	__s64 nr;
	__u64 args[6];
};
struct call_ends {
	__u64 regs;
	__s64 nr;
	__s64 returned;
};
struct seconds {
	__s64 tv_sec;
	__s64 tv_nsec;
};

/* Called once by the reader, in whose PID namespace threads are numbered from then on. */
SEC("syscall")
int meet_reader(void *ctx)
{
	note_reader();
	return 0;
}

static __always_inline struct ts_loop_turns *loop_of_current(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	if (reader_level)
		tid = reader_tid((void *)bpf_get_current_task());
	return bpf_map_lookup_elem(&loops, &tid);
}

/* By the calls alone. Where the last one had events, its callbacks have ended that turn, but for
 * one that was full. */
static __always_inline bool waits_on(struct ts_loop_turns *loop, bool at_once)
{
	if (loop->returned > 0)
		return at_once && loop->returned == loop->room;
	return !at_once && (loop->times_out_at_once || loop->returned == -EINTR);
}

/* Does this wait belong to the same turn as the last one? */
static __always_inline bool is_same_turn(struct ts_loop_turns *loop, bool at_once)
{
	__u64 count, before = loop->count;
	bool same;

	if (!loop->count_at || bpf_probe_read_user(&count, sizeof(count), (void *)loop->count_at)) {
		same = loop->waits && waits_on(loop, at_once);
		loop->count += !same;
		return same;
	}
	same = loop->counted && count == before;
	if (loop->counted && count - before > 1)
		loop->missed += count - before - 1;
	loop->count = count;
	loop->counted = 1;
	return same;
}

static __always_inline void note_longest(struct ts_loop_turns *loop, __u64 ns)
{
	__u64 now = interval;
	struct ts_longest_turn *longest = &loop->longest[now & 1];

	if (longest->interval == now && longest->ns >= ns)
		return;
	longest->interval = now;
	longest->ns = ns;
	longest->start_ns = loop->turn_start_ns;
}

static __always_inline void end_phase(struct ts_loop_turns *loop, __u64 now)
{
	loop->phase_ns[loop->phase & (TS_TURN_PHASES - 1)] += now - loop->phase_start_ns;
	loop->phase_start_ns = now;
}

static __always_inline void end_turn(struct ts_loop_turns *loop)
{
	__u64 now = bpf_ktime_get_ns(), ns = now - loop->turn_start_ns;
	__u64 bucket = ts_wait_bucket(ns);

	end_phase(loop, now);
	loop->turn_ns += ns;
	note_longest(loop, ns);
	/* Bound the very register that indexes: verifiers up to 6.1 don't follow its copies. */
	asm volatile("" : "+r"(bucket));
	if (bucket < TS_WAIT_BUCKETS)
		loop->hist[bucket]++;
}

static __always_inline void begin_wait(struct call_begins *call, bool at_once)
{
	struct ts_loop_turns *loop = loop_of_current();

	if (!loop || loop->epoll_fd != (__s32)call->args[0])
		return;
	if (!is_same_turn(loop, at_once)) {
		if (loop->turn_start_ns)
			end_turn(loop);
		else if (loop->waits)
			loop->missed++;
		loop->turn_start_ns = 0;
		loop->has_events = 0;
	} else if (!at_once) {
		/* It wouldn't wait, had there been anything to do. */
		loop->has_events = 0;
	}
	loop->times_out_at_once = at_once;
	loop->room = (__s32)call->args[2];
	loop->in_wait = 1;
	loop->waits++;
}

/* epoll_wait and epoll_pwait: milliseconds. */
SEC("tp")
int on_wait(struct call_begins *call)
{
	begin_wait(call, (__s32)call->args[3] == 0);
	return 0;
}

/* epoll_pwait2: a struct timespec, or none. */
SEC("tp")
int on_wait_by_clock(struct call_begins *call)
{
	struct seconds timeout = {.tv_sec = 1};

	if (call->args[3])
		bpf_probe_read_user(&timeout, sizeof(timeout), (void *)call->args[3]);
	begin_wait(call, timeout.tv_sec == 0 && timeout.tv_nsec == 0);
	return 0;
}

SEC("tp")
int on_return(struct call_ends *call)
{
	struct ts_loop_turns *loop = loop_of_current();

	if (!loop || !loop->in_wait)
		return 0;
	loop->in_wait = 0;
	loop->returned = call->returned;
	/* What came first has begun the turn, and its callbacks were part of it. */
	if (!loop->has_events) {
		loop->turn_start_ns = bpf_ktime_get_ns();
		loop->phase_start_ns = loop->turn_start_ns;
		loop->phase = TS_PHASE_POLL;
	}
	if (call->returned > 0)
		loop->has_events = 1;
	return 0;
}

/*
 * One of libuv's functions that begin a phase of this loop's turn; the cookie says which. A thread
 * may run another loop within its turn, as Node's spawnSync() does.
 */
SEC("uprobe")
int on_phase(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	struct ts_loop_turns *loop = loop_of_current();

	if (!loop || loop->address != ctx->di || !loop->turn_start_ns || loop->in_wait)
		return 0;
	end_phase(loop, bpf_ktime_get_ns());
	loop->phase = bpf_get_attach_cookie(ctx);
	loop->phase_hits++;
#endif
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
