// SPDX-License-Identifier: MIT
// How does a stop reach what a task is waiting for, several calls down? The task carries a scope,
// which its calls inherit; whatever waits under it is in the scope's list, and a request to stop
// walks that list. All of it lives on the loop's thread, in frames: no lock, nothing allocated.
#pragma once
#include "loop/core/list.h"

namespace timeslice::loop {

// Something under a scope that can be asked to end early. It ends in its own time.
class Stoppable : public Link {
 private:
  friend class StopScope;
  virtual void stop() = 0;

 protected:
  Stoppable() = default;
  ~Stoppable() = default;
};

class StopScope final : public Stoppable {
 public:
  [[nodiscard]] bool requested() const { return requested_; }
  // Calls nobody back: what ends because of it comes back through the loop.
  void request() {
    if (requested_) return;
    requested_ = true;
    under_.walk([](Stoppable& item) { item.stop(); });
  }
  // Until it's unlinked, or destroyed.
  void add(Stoppable& item) { under_.push_back(item); }

 private:
  void stop() override { request(); }

  bool requested_ = false;
  List<Stoppable> under_;
};

}  // namespace timeslice::loop
