// SPDX-License-Identifier: MIT
// What keeps a loop running? Everything active that is referenced: requests in flight, started
// timers, hooks, wakers. Each is a Handle, and all that a handle does is to be counted. unref()
// takes it out of the count without stopping it: an unreferenced timer fires if the loop is still
// running.
#pragma once
#include <cassert>
#include <cstddef>

namespace timeslice::loop {

class Handle {
 public:
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] bool active() const { return alive_ != nullptr; }

  void ref() {
    if (active() && !referenced_) ++*alive_;
    referenced_ = true;
  }
  void unref() {
    if (active() && referenced_) --*alive_;
    referenced_ = false;
  }

 protected:
  Handle() = default;
  ~Handle() { deactivate(); }

  // `alive` is the loop's count; it must outlive the active time.
  void activate(std::size_t& alive) {
    assert(!active());
    alive_ = &alive;
    if (referenced_) ++*alive_;
  }
  void deactivate() {
    if (active() && referenced_) --*alive_;
    alive_ = nullptr;
  }

 private:
  std::size_t* alive_ = nullptr;
  bool referenced_ = true;
};

}  // namespace timeslice::loop
