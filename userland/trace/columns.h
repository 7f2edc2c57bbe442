// SPDX-License-Identifier: MIT
// Which columns does a bundle have, and which numbers have they in the file? Switches, wake-ups and
// migrations stand there column by column; writer and reader keep them in the same struct, each
// with types of its own, and find them by the same two tables.
#pragma once
#include <tuple>
#include <utility>

#include "trace/fields.h"

namespace timeslice::trace {

// Differences: of a moment or an index to the one before.
template <typename Plain, typename Differences>
struct Columns {
  // One for each switch.
  Differences switch_time;
  Plain prev_state, next_tid, next_prio, next_comm, wait;
  // By index, for a few of them.
  Differences contrary, unclear, prev_index, filler;
  Plain prev_tid;  // for those of prev_index
  // One for each wake-up.
  Differences waking_time;
  Plain waking_tid, target_cpu, waking_prio, waking_comm, waking_flags, waker, context;
  Differences waking_new;  // by index
  // One for each migration.
  Differences migrate_time;
  Plain migrate_tid, migrate_from, migrate_to, migrate_run_delay;
};

// Those of Perfetto's compact form.
template <typename C>
inline constexpr std::tuple kCompactColumns{
    std::pair{field::Compact::switch_timestamp, &C::switch_time},
    std::pair{field::Compact::switch_prev_state, &C::prev_state},
    std::pair{field::Compact::switch_next_pid, &C::next_tid},
    std::pair{field::Compact::switch_next_prio, &C::next_prio},
    std::pair{field::Compact::switch_next_comm_index, &C::next_comm},
    std::pair{field::Compact::waking_timestamp, &C::waking_time},
    std::pair{field::Compact::waking_pid, &C::waking_tid},
    std::pair{field::Compact::waking_target_cpu, &C::target_cpu},
    std::pair{field::Compact::waking_prio, &C::waking_prio},
    std::pair{field::Compact::waking_comm_index, &C::waking_comm},
    std::pair{field::Compact::waking_common_flags, &C::waking_flags},
};

// Ours, beside it.
template <typename C>
inline constexpr std::tuple kBesideColumns{
    std::pair{field::Beside::switch_wait, &C::wait},
    std::pair{field::Beside::switch_contrary, &C::contrary},
    std::pair{field::Beside::switch_unclear, &C::unclear},
    std::pair{field::Beside::switch_prev_index, &C::prev_index},
    std::pair{field::Beside::switch_prev_tid, &C::prev_tid},
    std::pair{field::Beside::switch_filler, &C::filler},
    std::pair{field::Beside::waking_new, &C::waking_new},
    std::pair{field::Beside::waking_waker, &C::waker},
    std::pair{field::Beside::waking_context, &C::context},
    std::pair{field::Beside::migrate_timestamp, &C::migrate_time},
    std::pair{field::Beside::migrate_tid, &C::migrate_tid},
    std::pair{field::Beside::migrate_from, &C::migrate_from},
    std::pair{field::Beside::migrate_to, &C::migrate_to},
    std::pair{field::Beside::migrate_run_delay, &C::migrate_run_delay},
};

// Calls `what` with each number and column of a table.
template <typename Set, typename... Rows, typename What>
void for_each_column(Set& columns, const std::tuple<Rows...>& table, What what) {
  std::apply([&](const auto&... row) { (what(row.first, columns.*row.second), ...); }, table);
}

}  // namespace timeslice::trace
