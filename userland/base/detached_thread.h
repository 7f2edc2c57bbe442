// SPDX-License-Identifier: MIT
// How is work begun that may never end, because somebody's memory doesn't answer? On a thread that
// nobody owns or waits for: what it works on, it shares, and the process's end takes it along.
#pragma once
#include <functional>

namespace timeslice {

// Signals are for other threads; only this one's own faults reach it. 0, or the errno where the
// machine has no thread to give.
[[nodiscard]] int start_detached(std::function<void()> work);

}  // namespace timeslice
