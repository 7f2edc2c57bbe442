// SPDX-License-Identifier: MIT
// Who carries operations out? A back end, behind three verbs: submit, cancel, wait. The loop above
// knows phases and callbacks and nothing of rings or epoll; a back end knows nothing of callbacks.
// A request comes back exactly once, from wait() or in ready(), with its result and route filled
// in; a multishot request comes to deliveries() with each thing it has to tell.
#pragma once
#include <memory>
#include <string>

#include "loop/core/multishot.h"
#include "loop/core/options.h"
#include "loop/core/publication.h"
#include "loop/core/request.h"

namespace timeslice::loop {

class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  [[nodiscard]] virtual const char* name() const = 0;
  // Never calls back. What ends at once goes into ready(). Doesn't block for the operation, except
  // where that is the lesson.
  virtual void submit(Request& request) = 0;
  // A request that has ended already is left alone.
  virtual void cancel(Request& request) = 0;
  // Submits what is queued, sleeps until something ends, wake() is called or `timeout` has passed
  // (negative: for ever), and moves all that has ended to ready(). May return early with nothing.
  virtual void wait(Nanoseconds timeout) = 0;
  // Ends a wait, or the next one. From any thread, and from a signal handler.
  virtual void wake() noexcept = 0;
  // Closes a descriptor that no request in flight uses, and forgets what was noted about it.
  virtual void close_now(int fd) = 0;
  // CLOCK_MONOTONIC, or a virtual clock.
  [[nodiscard]] virtual Nanoseconds now() const;

  // Where a multishot receive finds its buffers. Back ends whose kernel takes none of them choose
  // by themselves.
  virtual void add(Buffers&) {}
  virtual void remove(Buffers&) {}
  virtual void give_back(Buffers&, Buffers::Id) {}

  // Before destruction: cancels all that is under way and waits until each request is in ready().
  virtual void end() = 0;
  // Instead of end(), in a forked child: nothing here is its own. No request comes back.
  virtual void abandon() noexcept = 0;

  std::size_t alive = 0;               // active and referenced handles of the loop
  Publication* publication = nullptr;  // where the loop tells of itself, and of its pool

  [[nodiscard]] List<Request>& ready() { return ready_; }
  [[nodiscard]] List<Multishot::Delivery>& deliveries() { return deliveries_; }
  // Takes the next one's oldest shot. It stays in the list, at the end, while it has more.
  Multishot::Shot take_shot(Multishot*& from);
  [[nodiscard]] std::size_t shots() const { return shots_; }
  // Made for the loop's sake on its thread: waiting, submitting, and trying.
  [[nodiscard]] std::uint64_t system_calls() const { return system_calls_; }

 protected:
  void finish(Request& request, int result);
  // Something to tell of a request that goes on.
  void deliver(Multishot& request, int result, Buffers::Id buffer = Buffers::kNone);

  static Multishot* as_multishot(Request& request) {
    static_assert(Kind::accept_many > Kind::work && Kind::recv_many > Kind::accept_many);
    return request.op.kind >= Kind::accept_many ? static_cast<Multishot*>(&request) : nullptr;
  }

  List<Request> ready_;
  List<Multishot::Delivery> deliveries_;
  std::uint64_t system_calls_ = 0;

 private:
  void tell(Multishot& request, const Multishot::Shot& shot);

  std::size_t shots_ = 0;  // in all deliveries
};

inline void Backend::finish(Request& request, int result) {
  request.unlink();
  request.op.stage = Operation::Stage::ready;
  // A callback of it may be looking at another result just now.
  if (Multishot* multishot = as_multishot(request))
    return tell(*multishot, {result, Buffers::kNone, true});
  request.op.result = result;
  ready_.push_back(request);
}

// Null where this machine gives no usable ring. `note` says in a sentence what is less than asked
// for.
std::unique_ptr<Backend> make_uring_backend(const Options& options, std::string& note);
// "pool" or "blocking". Throws std::system_error if there is no epoll set to be had.
std::unique_ptr<Backend> make_epoll_backend(const Options& options);
std::unique_ptr<Backend> make_sim_backend(const Options& options);

}  // namespace timeslice::loop
