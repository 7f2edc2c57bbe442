// SPDX-License-Identifier: MIT
// What does one look at the machine bring? The rows of wire.h as they were at one pass, whoever
// read them: the model knows no source, and a source no model.
#pragma once
#include <string_view>
#include <vector>

#include "bpf/wire.h"

namespace timeslice
{

// How much is known, and at which price: see docs/architecture.md.
enum class Mode { count, aggregate, proc };

constexpr const char *name_of(Mode mode)
{
	switch (mode) {
	case Mode::count:
		return "count";
	case Mode::aggregate:
		return "aggregate";
	case Mode::proc:
		return "proc";
	}
	return "";
}

// The rows live until the source's next pass.
struct Snapshot {
	ts_snapshot_header header{};
	std::vector<const ts_thread_row *> threads;
	// Beside `threads`, null where a thread has none; empty in a mode without scheduling
	// probes.
	std::vector<const ts_sched_row *> scheds;
	// Indices into `threads` whose row is another than at the pass before: those that ran, run,
	// wait, or stand where another thread stood. All others have slept since then. At a
	// source's first pass: all of them.
	std::vector<uint32_t> news;
	std::vector<ts_core_row> cores; // in no order
	Mode mode = Mode::count;
	std::string_view source; // "bpf", "kmod", "proc", "recording": JSON's `source`
};

} // namespace timeslice
