// SPDX-License-Identifier: MIT
// What does a worker of a cluster have to do, besides its work? Take the connections that are
// passed to it, say that it's alive, and end in good order when it's told to. A WorkerLink does
// that on the worker's own loop, so a loop that is stuck shows as a heart that doesn't beat.
//
//   int worker(WorkerLink& link) {
//     Server server(...);  // makes its Loop: whatever back end it likes
//     UniqueFd listener = link.take_listener();  // with reuse_port; else empty
//     link.attach(server.loop(), {.on_connection = [&](UniqueFd fd) { server.serve(...); },
//                                 .on_drain = [&] { server.finish(); }});
//     link.ready();
//     server.loop().run();  // ends after on_drain, when nothing is left
//     return 0;
//   }
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "loop/cluster/cluster_frames.h"
#include "loop/cluster/ipc.h"

namespace timeslice::loop {

struct WorkerSettings {
  unsigned slot = 0;
  Nanoseconds heartbeat{0};
  Nanoseconds grace{0};
  IpcLimits ipc;
};

class WorkerLink {
 public:
  struct Handlers {
    // Connected sockets in blocking mode, under both policies: the manager also passes on what came
    // to the listener of a worker that isn't there. A few may still come just before on_drain.
    std::function<void(UniqueFd)> on_connection;
    // Once: stop accepting, finish what was begun, close idle connections, and others after their
    // next answer. From then on the link doesn't hold the loop.
    std::function<void()> on_drain;
    std::function<void(std::string)> on_message;
    // SIGTERM while draining: a second request to stop. Without it the loop is stopped.
    std::function<void()> on_hurry;
  };

  // It outlives the worker's loop, as the requests in it need.
  WorkerLink(UniqueFd link, UniqueFd listener, const WorkerSettings& settings);
  ~WorkerLink();
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;

  [[nodiscard]] unsigned slot() const { return settings_.slot; }
  // Shared with the manager and with the worker that follows in this slot: whoever closes it
  // refuses nobody. In blocking mode.
  [[nodiscard]] UniqueFd take_listener() { return std::move(listener_); }

  // Once, before the loop runs. Takes SIGTERM as a wish to drain.
  void attach(Loop& loop, Handlers handlers);
  // From now on the manager counts on this worker.
  void ready();
  // To the manager. Returns 0 or -errno, as IpcChannel::send() does.
  int send(std::string message);
  [[nodiscard]] std::size_t queued_bytes() const { return channel_.queued_bytes(); }
  [[nodiscard]] bool draining() const { return draining_; }

 private:
  void take(Frame& frame);
  void arrived(Frame& frame);
  void acknowledge();
  void hand_over();
  void drain();
  void beat();
  void listen_for_term();
  void on_term();
  void manager_gone(const std::string& why);
  void tell(ClusterFrame frame, std::string payload = {});

  WorkerSettings settings_;
  UniqueFd listener_;
  UniqueFd term_;  // an eventfd, which SIGTERM writes into
  IpcChannel channel_;
  Loop* loop_ = nullptr;
  Handlers handlers_;
  std::vector<Frame> arrived_;   // not yet acknowledged
  std::vector<UniqueFd> taken_;  // acknowledged, but that may not have been sent yet
  bool drain_asked_ = false;
  bool draining_ = false;
  Request term_read_;
  std::optional<Timer> heart_;
  std::optional<Timer> last_resort_;
};

}  // namespace timeslice::loop
