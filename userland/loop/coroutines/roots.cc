// SPDX-License-Identifier: MIT
#include "loop/coroutines/roots.h"

#include <vector>

namespace timeslice::loop {

void RootPromise::AskToStop::operator()() const noexcept { root.roots->ask_to_stop(root); }

Roots& Roots::of(Loop& loop) {
  if (!loop.kept_) loop.kept_ = std::make_unique<Roots>(loop);
  return static_cast<Roots&>(*loop.kept_);
}

Roots::~Roots() {
  std::vector<RootPromise*> newest_last;
  roots_.walk([&](RootPromise& root) { newest_last.push_back(&root); });
  for (; !newest_last.empty(); newest_last.pop_back())
    RootPromise::Frame::from_promise(*newest_last.back()).destroy();
  std::vector<std::unique_ptr<Orphan>> orphans;
  orphans_.walk([&](Orphan& orphan) { orphans.emplace_back(&orphan); });
}

void Roots::adopt(RootPromise& root, std::stop_token token) {
  root.roots = this;
  root.scope = &root.own_scope;
  roots_.push_back(root);
  if (!token.stop_possible()) return;
  if (!waker_) waker_.emplace(loop_, [this] { pass_stops_on(); }).unref();
  root.stop.emplace(std::move(token), RootPromise::AskToStop{root});
}

void Roots::ask_to_stop(RootPromise& root) noexcept {
  if (std::this_thread::get_id() == thread_) return root.own_scope.request();
  root.asked_from_outside = true;
  waker_->send();
}

void Roots::pass_stops_on() {
  roots_.walk([](RootPromise& root) {
    if (root.asked_from_outside.exchange(false)) root.own_scope.request();
  });
}

}  // namespace timeslice::loop
