/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What does somebody see who attaches to our probe points (userland/loop/core/probe.h)? How often
 * each was hit, and with which arguments the last time. The tests look at the loop through this.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>

#include <bpf/usdt.bpf.h>

#include "probe_hits.h"

/* The key is the cookie that was given when the probe was attached. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, struct probe_hits);
} hits SEC(".maps");

SEC("usdt")
int on_probe(struct pt_regs *ctx)
{
	const struct probe_hits none = {};
	__u64 cookie = bpf_usdt_cookie(ctx);
	struct probe_hits *entry;
	long value;

	bpf_map_update_elem(&hits, &cookie, &none, BPF_NOEXIST);
	entry = bpf_map_lookup_elem(&hits, &cookie);
	if (!entry)
		return 0;
	__sync_fetch_and_add(&entry->count, 1);
	entry->arguments = bpf_usdt_arg_cnt(ctx);
	for (__u64 i = 0; i < PROBE_ARGUMENTS; i++)
		entry->last[i] = bpf_usdt_arg(ctx, i, &value) == 0 ? value : 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
