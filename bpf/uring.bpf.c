/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What did the kernel do for io_uring's requests, and by which route? Tracepoints follow each
 * request of the watched processes from its submission to its completion, and sum up.
 *
 * The tracepoints' arguments differ between kernels, so they are taken untyped, and the loader says
 * where the request stands among them (it asks the kernel's own types).
 *
 * - Is it still within the submission? The kernel publishes how many SQEs it has taken when it has
 *   issued them all and posted what was done by then (io_submit_sqes: first the completions, then
 *   io_commit_sqring). So while the two heads differ, what completes has been done inline.
 * - A request's memory is used again and again: its entry stays, and is overwritten. What is in
 *   flight while it is submitted anew has ended without a CQE: as it wished, or in an overflow.
 * - A multishot request's CQEs but the last name no request, only its ring and user_data.
 * - A server's requests may have been waiting since long before us. They are met when their file
 *   becomes ready.
 * - A ring is told by its process and descriptor, as people know it: those that are there are found
 *   among all open files, and each new one says its number.
 */
#include "row.h"
#include "uring.h"

/* include/uapi/linux/io_uring.h; a request's first flags are its SQE's */
#define OP_POLL_ADD 6
#define REQ_CQE_SKIP (1U << 6)
#define CQE_MORE (1U << 1)

/* include/uapi/linux/magic.h */
#define ANON_INODE_FS_MAGIC 0x09041934

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct io_uring {
	__u32 head;
};
struct io_rings {
	struct io_uring sq;
};
struct io_ring_ctx {
	struct io_rings *rings;
	unsigned int cached_sq_head;
};
struct io_uring_task {
	struct task_struct *task;
};
struct io_kiocb {
	unsigned char opcode;
	__u64 flags;
	struct io_ring_ctx *ctx;
	struct io_uring_task *tctx;
};
/* Until 6.12. */
struct io_kiocb___with_task {
	struct task_struct *task;
};
/* Until 5.18 user_data was a field of the request itself. */
struct io_cqe {
	__u64 user_data;
};
struct io_kiocb___with_cqe {
	struct io_cqe cqe;
};
struct io_kiocb___before_5_19 {
	__u64 user_data;
};
struct io_uring_cqe {
	__u64 user_data;
	__u32 flags;
};
struct super_block {
	unsigned long s_magic;
};
struct inode {
	struct super_block *i_sb;
};
struct qstr {
	const unsigned char *name;
};
struct dentry {
	struct qstr d_name;
};
struct path {
	struct dentry *dentry;
};
struct file {
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};
#pragma clang attribute pop

/* Where the loader has found the arguments. */
const volatile __u32 submit_request_at = 0;
const volatile __u32 poll_request_at = 0;
const volatile __u32 async_request_at = 0;
const volatile __u32 wake_request_at = 0;
const volatile bool complete_has_cqe = false; /* a pointer to it, instead of its fields */

/* Whom the reader wishes to watch, and how. */
const volatile bool watch_all = false; /* but `left_out` */
const volatile __u32 left_out = 0;     /* a tgid, as the reader numbers it */
const volatile bool by_ring = false;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024); /* the loader makes as many as there are chosen */
	__type(key, __u32);
	__type(value, __u64); /* whatever: the map may be a stream's */
} tgid_filter SEC(".maps");

struct request {
	__u64 ctx;
	__u64 start_ns; /* 0: before we were attached */
	__u8 op;
	__u8 route; /* so far */
	__u8 in_flight;
	__u8 shots;
	__u8 skips_cqe;
	__u8 pad[3];
};

/* By the request's address. What hasn't been used for long gives way when it is full. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct request);
} requests SEC(".maps");

struct shot_key {
	__u64 ctx;
	__u64 user_data;
};

/* Which request waits for its file by this name? */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct shot_key);
	__type(value, __u64);
} polled SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TS_URING_SLOTS);
	__type(key, __u32);
	__type(value, struct ts_uring_op);
} ops SEC(".maps");

/*
 * The rest is used where rings are told apart: each by its address, and what was done by each. What
 * finds no room is summed up in `ops`, as all is where they aren't.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct ts_uring_ring);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ts_uring_key);
	__type(value, struct ts_uring_op);
} ring_ops SEC(".maps");

static const struct ts_uring_op nothing;

/* Threads that submit requests, or wait for them: as the reader numbers them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} submitters SEC(".maps");

/* Incremented atomically; all of them are rare. */
__u64 overflows;	  /* CQEs that found no room in their ring */
__u64 unknown_submitters; /* threads for which `submitters` had no room */

/* What is known of the thread that runs: most often the same as last time on this CPU. */
struct verdict {
	__u64 pid_tgid;
	__u32 watched;
	__u32 noted;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct verdict);
} verdicts SEC(".maps");

/* Called once by the reader, in whose PID namespace threads are numbered from then on. */
SEC("syscall")
int meet_reader(void *ctx)
{
	note_reader();
	return 0;
}

static __always_inline bool is_chosen(__u32 tgid)
{
	if (tgid == 0 || tgid == left_out)
		return false;
	return watch_all || bpf_map_lookup_elem(&tgid_filter, &tgid) != NULL;
}

static __always_inline __u32 tgid_of(struct task_struct *task)
{
	return reader_tid(BPF_CORE_READ(task, group_leader));
}

static __always_inline struct verdict *judge_current(void)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct verdict *verdict;
	struct task_struct *task;
	__u32 zero = 0, tgid;

	verdict = bpf_map_lookup_elem(&verdicts, &zero);
	if (!verdict || verdict->pid_tgid == pid_tgid)
		return verdict;
	task = (void *)bpf_get_current_task();
	tgid = reader_level ? tgid_of(task) : pid_tgid >> 32;
	verdict->pid_tgid = pid_tgid;
	verdict->watched = is_chosen(tgid);
	verdict->noted = 0;
	return verdict;
}

static __always_inline bool is_watched(void)
{
	struct verdict *verdict = judge_current();

	return verdict && verdict->watched;
}

static __always_inline bool is_watched_submitter(void)
{
	struct verdict *verdict = judge_current();
	__u8 present = 1;
	__u32 tid;

	if (!verdict || !verdict->watched)
		return false;
	if (verdict->noted)
		return true;
	tid = reader_tid((void *)bpf_get_current_task());
	if (bpf_map_update_elem(&submitters, &tid, &present, BPF_ANY))
		__sync_fetch_and_add(&unknown_submitters, 1);
	verdict->noted = 1;
	return true;
}

static __always_inline struct ts_uring_op *op_at(__u64 ctx, __u32 slot)
{
	struct ts_uring_ring *ring;
	struct ts_uring_key key;
	struct ts_uring_op *op;

	if (!by_ring)
		return bpf_map_lookup_elem(&ops, &slot);
	ring = bpf_map_lookup_elem(&rings, &ctx);
	if (!ring)
		return bpf_map_lookup_elem(&ops, &slot);
	key.tgid = ring->tgid;
	key.fd = ring->fd;
	key.slot = slot;
	op = bpf_map_lookup_elem(&ring_ops, &key);
	if (op)
		return op;
	bpf_map_update_elem(&ring_ops, &key, &nothing, BPF_NOEXIST);
	op = bpf_map_lookup_elem(&ring_ops, &key);
	return op ? op : bpf_map_lookup_elem(&ops, &slot);
}

static __always_inline void note_ring(__u64 ctx, __u32 tgid, __s32 fd, __u64 how)
{
	struct ts_uring_ring ring = {.tgid = tgid, .fd = fd, .since_ns = bpf_ktime_get_ns()};

	bpf_map_update_elem(&rings, &ctx, &ring, how);
}

static __always_inline void add_in_flight(__u64 ctx, __s64 requests)
{
	struct ts_uring_ring *ring;

	if (!by_ring)
		return;
	ring = bpf_map_lookup_elem(&rings, &ctx);
	if (ring)
		__sync_fetch_and_add(&ring->in_flight, requests);
}

/* One that was made by somebody else, or that gave way when there were too many. */
static __always_inline void meet_ring(__u64 ctx, struct task_struct *task)
{
	if (by_ring && !bpf_map_lookup_elem(&rings, &ctx))
		note_ring(ctx, tgid_of(task), -1, BPF_NOEXIST);
}

/* Each branch has a load of its own: the verifier wants a constant place. */
static __always_inline __u64 argument(struct bpf_raw_tracepoint_args *ctx, __u32 at)
{
	__u64 value = 0;

	if (at == 0)
		asm volatile("%0 = *(u64 *)(%1 + 0)" : "=r"(value) : "r"(ctx));
	else if (at == 1)
		asm volatile("%0 = *(u64 *)(%1 + 8)" : "=r"(value) : "r"(ctx));
	else if (at == 2)
		asm volatile("%0 = *(u64 *)(%1 + 16)" : "=r"(value) : "r"(ctx));
	else if (at == 4)
		asm volatile("%0 = *(u64 *)(%1 + 32)" : "=r"(value) : "r"(ctx));
	return value;
}

static __always_inline __u64 user_data_of(struct io_kiocb *req)
{
	struct io_kiocb___with_cqe *newer = (void *)req;
	struct io_kiocb___before_5_19 *older = (void *)req;

	if (bpf_core_field_exists(newer->cqe))
		return BPF_CORE_READ(newer, cqe.user_data);
	return BPF_CORE_READ(older, user_data);
}

/* From here on CQEs that name only ring and user_data lead to this request. */
static __always_inline void note_polled(struct io_kiocb *req, __u64 ctx)
{
	struct shot_key key = {.ctx = ctx, .user_data = user_data_of(req)};
	__u64 address = (__u64)req;

	bpf_map_update_elem(&polled, &key, &address, BPF_ANY);
}

/* Its memory is used for the next one, so it has ended. */
static __always_inline void count_reused(struct request *entry)
{
	struct ts_uring_op *op = op_at(entry->ctx, entry->op & (TS_URING_OPS - 1));
	__u32 route = entry->route & (TS_URING_ROUTES - 1);

	add_in_flight(entry->ctx, -1);
	if (!op)
		return;
	if (!entry->skips_cqe) {
		op->unseen++;
		return;
	}
	op->without_cqe++;
	op->completed[route == TS_URING_ASYNC_CALLBACK ? TS_URING_INLINE : route]++;
}

static __always_inline void fill_request(struct request *fresh, struct io_kiocb *req)
{
	fresh->ctx = (__u64)BPF_CORE_READ(req, ctx);
	fresh->op = BPF_CORE_READ(req, opcode) & (TS_URING_OPS - 1);
	fresh->in_flight = 1;
	fresh->route = TS_URING_ASYNC_CALLBACK;
	if (fresh->op == OP_POLL_ADD) {
		fresh->route = TS_URING_POLL;
		note_polled(req, fresh->ctx);
	}
}

SEC("raw_tp")
int on_submit(struct bpf_raw_tracepoint_args *args)
{
	__u64 address = argument(args, submit_request_at);
	struct io_kiocb *req = (void *)address;
	struct request fresh = {}, *entry;
	struct ts_uring_op *op;

	if (!is_watched_submitter())
		return 0;
	fill_request(&fresh, req);
	fresh.skips_cqe = (BPF_CORE_READ(req, flags) & REQ_CQE_SKIP) != 0;
	fresh.start_ns = bpf_ktime_get_ns();
	meet_ring(fresh.ctx, (void *)bpf_get_current_task());
	add_in_flight(fresh.ctx, 1);
	op = op_at(fresh.ctx, fresh.op);
	if (op)
		op->submitted++;
	entry = bpf_map_lookup_elem(&requests, &address);
	if (!entry) {
		bpf_map_update_elem(&requests, &address, &fresh, BPF_ANY);
		return 0;
	}
	if (entry->in_flight)
		count_reused(entry);
	*entry = fresh;
	return 0;
}

static __always_inline struct task_struct *submitter_of(struct io_kiocb *req)
{
	struct io_kiocb___with_task *older = (void *)req;

	if (bpf_core_field_exists(older->task))
		return BPF_CORE_READ(older, task);
	return BPF_CORE_READ(req, tctx, task);
}

/* Its file has become ready. Mostly it is known; otherwise it has waited since before us. */
SEC("raw_tp")
int on_wake(struct bpf_raw_tracepoint_args *args)
{
	__u64 address = argument(args, wake_request_at);
	struct io_kiocb *req = (void *)address;
	struct request fresh = {}, *entry;

	entry = bpf_map_lookup_elem(&requests, &address);
	if ((entry && entry->in_flight) || !is_chosen(tgid_of(submitter_of(req))))
		return 0;
	fill_request(&fresh, req);
	meet_ring(fresh.ctx, submitter_of(req));
	add_in_flight(fresh.ctx, 1);
	fresh.route = TS_URING_POLL;
	note_polled(req, fresh.ctx);
	bpf_map_update_elem(&requests, &address, &fresh, BPF_ANY);
	return 0;
}

static __always_inline void take_route(__u64 address, enum ts_uring_route route)
{
	struct request *entry;

	if (!is_watched())
		return;
	entry = bpf_map_lookup_elem(&requests, &address);
	if (!entry || !entry->in_flight)
		return;
	entry->route = route;
	if (route == TS_URING_POLL && !entry->shots)
		note_polled((void *)address, entry->ctx);
}

SEC("raw_tp")
int on_poll(struct bpf_raw_tracepoint_args *args)
{
	take_route(argument(args, poll_request_at), TS_URING_POLL);
	return 0;
}

SEC("raw_tp")
int on_async(struct bpf_raw_tracepoint_args *args)
{
	take_route(argument(args, async_request_at), TS_URING_IO_WQ);
	return 0;
}

static __always_inline bool is_submitting(struct io_ring_ctx *ctx)
{
	return BPF_CORE_READ(ctx, rings, sq.head) != BPF_CORE_READ(ctx, cached_sq_head);
}

/* Nothing else has happened to it since: so it has been done while it was submitted, if that goes
 * on. */
static __always_inline __u32 route_of(struct request *entry, struct io_ring_ctx *ctx)
{
	__u32 route = entry->route & (TS_URING_ROUTES - 1);

	if (route == TS_URING_ASYNC_CALLBACK ||
	    (route == TS_URING_POLL && entry->op == OP_POLL_ADD))
		return is_submitting(ctx) ? TS_URING_INLINE : route;
	return route;
}

static __always_inline void count_latency(struct ts_uring_op *op, __u64 ns)
{
	__u64 bucket = ts_wait_bucket(ns);

	op->latency_sum_ns += ns;
	/* Bound the very register that indexes: verifiers up to 6.1 don't follow its copies. */
	asm volatile("" : "+r"(bucket));
	if (bucket < TS_WAIT_BUCKETS)
		op->latency_hist[bucket]++;
}

/* No entry of ours: submitted before we were attached, refused, or no request's at all. */
static __always_inline void complete_unknown(struct io_ring_ctx *ctx, struct io_kiocb *req,
					     bool more)
{
	struct ts_uring_op *op;
	bool submitting = is_submitting(ctx);

	if (req && submitting) {
		op = op_at((__u64)ctx, BPF_CORE_READ(req, opcode) & (TS_URING_OPS - 1));
		if (!op)
			return;
		op->completed[TS_URING_INLINE]++;
		op->refused++;
		return;
	}
	op = op_at((__u64)ctx, TS_URING_UNNAMED);
	if (op)
		op->completed[submitting ? TS_URING_INLINE
			      : more	 ? TS_URING_POLL
					 : TS_URING_ASYNC_CALLBACK]++;
}

static __always_inline void complete_shot(struct io_ring_ctx *ctx, __u64 user_data, bool more)
{
	struct shot_key key = {.ctx = (__u64)ctx, .user_data = user_data};
	__u64 *address = bpf_map_lookup_elem(&polled, &key);
	struct request *entry = NULL;
	struct ts_uring_op *op;

	if (address)
		entry = bpf_map_lookup_elem(&requests, address);
	if (!entry || !entry->in_flight || entry->ctx != key.ctx) {
		complete_unknown(ctx, NULL, more);
		return;
	}
	entry->shots = 1;
	op = op_at(key.ctx, entry->op & (TS_URING_OPS - 1));
	if (!op)
		return;
	op->completed[route_of(entry, ctx) & (TS_URING_ROUTES - 1)]++;
	op->shots++;
}

/* An SQE that is refused isn't submitted: its memory may be that of a request that ended unseen. */
static __always_inline bool is_anothers(struct request *entry, struct io_kiocb *req)
{
	return entry->skips_cqe && entry->op != (BPF_CORE_READ(req, opcode) & (TS_URING_OPS - 1));
}

SEC("raw_tp")
int on_complete(struct bpf_raw_tracepoint_args *args)
{
	struct io_ring_ctx *ctx = (void *)argument(args, 0);
	__u64 address = argument(args, 1);
	struct request *entry;
	struct ts_uring_op *op;

	/* CQEs are posted by the process's own threads, io_uring's in it among them. */
	if (!is_watched())
		return 0;
	if (!address) {
		struct io_uring_cqe *cqe = (void *)argument(args, 2);

		if (complete_has_cqe)
			complete_shot(ctx, BPF_CORE_READ(cqe, user_data),
				      BPF_CORE_READ(cqe, flags) & CQE_MORE);
		else
			complete_shot(ctx, (__u64)cqe, argument(args, 4) & CQE_MORE);
		return 0;
	}
	entry = bpf_map_lookup_elem(&requests, &address);
	if (!entry || !entry->in_flight || entry->ctx != (__u64)ctx) {
		complete_unknown(ctx, (void *)address, false);
		return 0;
	}
	entry->in_flight = 0;
	if (is_anothers(entry, (void *)address)) {
		count_reused(entry);
		complete_unknown(ctx, (void *)address, false);
		return 0;
	}
	add_in_flight(entry->ctx, -1);
	op = op_at(entry->ctx, entry->op & (TS_URING_OPS - 1));
	if (!op)
		return 0;
	op->completed[route_of(entry, ctx) & (TS_URING_ROUTES - 1)]++;
	if (!entry->shots && entry->start_ns)
		count_latency(op, bpf_ktime_get_ns() - entry->start_ns);
	return 0;
}

/* Who only waits, as the owner of a ring whose requests a kernel thread submits, is noted as well.
 */
SEC("raw_tp")
int on_wait(struct bpf_raw_tracepoint_args *args)
{
	is_watched_submitter();
	return 0;
}

SEC("raw_tp")
int on_overflow(struct bpf_raw_tracepoint_args *args)
{
	if (is_watched())
		__sync_fetch_and_add(&overflows, 1);
	return 0;
}

/* The descriptor is the first of its arguments, the ring the second. */
SEC("raw_tp")
int on_create(struct bpf_raw_tracepoint_args *args)
{
	if (is_watched())
		note_ring(argument(args, 1), tgid_of((void *)bpf_get_current_task()),
			  (__s32)argument(args, 0), BPF_ANY);
	return 0;
}

/* Anybody may call a file so, but not in the file system of files without a name. */
static __always_inline bool is_ring(struct file *file)
{
	static const char wanted[] = "[io_uring]";
	char name[sizeof(wanted)] = {};
	const unsigned char *at;
	__u32 i;

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	at = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	bpf_probe_read_kernel_str(name, sizeof(name), at);
	for (i = 0; i < sizeof(wanted); i++)
		if (name[i] != wanted[i])
			return false;
	return true;
}

/* Which rings are there already, and by which number? */
SEC("iter/task_file")
int find_rings(struct bpf_iter__task_file *iter)
{
	struct task_struct *task = iter->task;
	struct file *file = iter->file;
	struct ts_uring_ring *ring;
	__u64 address;
	__u32 tgid;

	if (!task || !file || !is_ring(file))
		return 0;
	tgid = tgid_of(task);
	if (!is_chosen(tgid))
		return 0;
	address = (__u64)BPF_CORE_READ(file, private_data);
	ring = bpf_map_lookup_elem(&rings, &address);
	if (!ring) {
		note_ring(address, tgid, (__s32)iter->fd, BPF_NOEXIST);
	} else if (ring->fd < 0) {
		ring->tgid = tgid;
		ring->fd = (__s32)iter->fd;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
