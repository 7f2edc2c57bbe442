// SPDX-License-Identifier: MIT
// How does a server use more than one core, and live on when a part of it dies? It is several
// processes: a manager, which serves nobody, and workers, each with a loop of its own. The manager
// forks them, hands out connections, listens to their hearts, starts dead ones again (later and
// later, if they don't live long), and replaces them one by one when asked to, without a refused
// connection.
//
//   Cluster cluster({.workers = 4}, [](WorkerLink& link) { return serve(link); });
//   cluster.on_signal(SIGTERM, [&] { cluster.stop(); });
//   cluster.on_signal(SIGHUP, [&] { cluster.reload(); });
//   cluster.run();
//
// The manager has one thread and no ring, for as long as it lives: a fork copies neither threads
// nor what the kernel knows of a ring. So its own loop runs on epoll (BackendKind::pool), and must
// not be given what needs the pool's threads (files, work()). run() refuses to begin with threads
// or rings around, and later forks assert it.
//
// What is lost with a worker that dies? The connections that it had taken, and nothing else. Those
// passed to it that it hadn't taken yet go to another worker; those in a listener's queue stay
// there, as the manager has every listener too.
#pragma once
#include <csignal>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loop/children/child_watch.h"
#include "loop/cluster/backoff.h"
#include "loop/cluster/cluster_process.h"
#include "loop/cluster/cluster_worker.h"
#include "loop/cluster/ipc.h"
#include "loop/core/loop.h"
#include "loop/io/acceptor.h"
#include "loop/io/rest.h"

namespace timeslice::loop {

enum class ClusterPolicy : std::uint8_t {
  // The manager accepts, and passes each connection to the next worker that is ready and has room.
  round_robin,
  // A listener for each worker, and the kernel picks by a hash of the addresses. No hand-over to
  // pay for, but few clients may be spread unevenly. What comes for a slot without a worker the
  // manager passes to the others.
  reuse_port,
};

struct ClusterOptions {
  unsigned workers = 2;  // 1 to kMaxWorkers
  ClusterPolicy policy = ClusterPolicy::round_robin;
  std::uint16_t port = 0;  // of 127.0.0.1; 0: the kernel picks one
  int backlog = 511;

  Nanoseconds heartbeat = std::chrono::seconds(1);
  // Without a sign for so long, a worker is hung, and is killed. More than its longest callback.
  Nanoseconds heartbeat_limit = std::chrono::seconds(10);
  Nanoseconds start_limit = std::chrono::seconds(10);  // from the fork to ready()
  BackoffOptions backoff;
  Nanoseconds grace = std::chrono::seconds(10);      // from the wish to drain to SIGTERM
  Nanoseconds kill_after = std::chrono::seconds(2);  // and from there to SIGKILL

  unsigned max_waiting = 64;  // connections passed to a worker that it hasn't taken yet
  IpcLimits ipc;
};

inline constexpr unsigned kMaxWorkers = 256;

struct ClusterEvent {
  enum class Kind : std::uint8_t {
    started,
    ready,
    ended,  // as it was told to
    died,   // by itself or by a signal, after it was ready
    hung,   // and was killed
    start_failed,
    waiting,   // for `delay` until the next start
    gave_up,   // the slot stays empty until a reload
    reloaded,  // the whole cluster
    reload_failed,
  } kind;
  unsigned slot;
  pid_t pid;          // -1 where none is concerned
  Nanoseconds delay;  // of waiting
  std::string text;   // a sentence
};
const char* name_of(ClusterEvent::Kind kind);

struct SlotStats {
  enum class State : std::uint8_t { starting, ready, draining, waiting, given_up, stopped } state;
  unsigned slot;
  pid_t pid;                  // -1: none
  std::uint64_t restarts;     // after a failure
  std::uint64_t reloads;      // replaced by a reload
  std::uint64_t passed;       // connections that its workers took from the manager
  std::size_t waiting;        // passed, and not yet taken
  Nanoseconds heartbeat_age;  // since the last sign of life; negative: none yet
  std::string last_end;       // why the last worker ended, as a sentence; empty: none did
};
const char* name_of(SlotStats::State state);

class Cluster {
 public:
  using WorkerMain = std::function<int(WorkerLink&)>;
  // An empty problem: all went well. Otherwise a sentence.
  using Reloaded = std::function<void(const std::string& problem)>;

  // Listens from here on. Throws Failure for options that can't be, or a port in use. `worker_main`
  // runs in each worker, and what it returns is the exit code.
  Cluster(const ClusterOptions& options, WorkerMain worker_main);
  // Kills and reaps workers that still live.
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  void on_event(std::function<void(const ClusterEvent&)> handler) {
    on_event_ = std::move(handler);
  }
  void on_message(std::function<void(unsigned slot, std::string)> handler) {
    on_message_ = std::move(handler);
  }
  // In the manager alone. Use this rather than a loop::Signal: that one's number would be taken in
  // the workers too.
  void on_signal(int signo, Task task);

  // Until stop(), and until all workers have ended. Throws Failure if all slots had to be given up.
  void run();
  // Replaces the workers, one slot at a time: the old one drains when the new one is ready, and the
  // next slot follows when the old one has ended. If a new one fails to start, the old ones serve
  // on, and the reload is over. During a reload: another one follows it, one for all that asked.
  void reload(Reloaded done = {});
  // Existing connections are still passed on, then all workers drain and end. The second call
  // kills.
  void stop();

  // To the slot's worker, which may be a starting one. Returns 0 or -errno: -ESRCH without a
  // worker, else as IpcChannel::send() does. What a worker hadn't read when it died is lost.
  int send(unsigned slot, std::string message);
  // Returns how many workers it was queued for.
  unsigned broadcast(const std::string& message);
  // Bytes that wait to be sent to the slot's worker.
  [[nodiscard]] std::size_t queued_bytes(unsigned slot) const;

  [[nodiscard]] std::vector<SlotStats> stats() const;
  // Connections that died in the manager's hands: there was nobody left to take them.
  [[nodiscard]] std::uint64_t connections_lost() const { return lost_; }
  // Connections taken back from a worker that died, or that had no descriptor left.
  [[nodiscard]] std::uint64_t connections_passed_on() const { return passed_on_; }
  // How often accepting paused for lack of descriptors.
  [[nodiscard]] std::uint64_t accept_rests() const;

 private:
  // One process, from its fork until it's reaped and nothing of it is in flight.
  struct Worker {
    enum class State : std::uint8_t { starting, ready, draining, terminated, ended };
    Worker(unsigned in_slot, ForkedWorker forked, const IpcLimits& limits)
        : slot(in_slot), process(std::move(forked)), channel(std::move(process.link), limits) {}
    [[nodiscard]] std::string name() const;

    unsigned slot;
    State state = State::starting;
    ForkedWorker process;
    IpcChannel channel;
    std::optional<ChildWatch> watch;
    std::optional<Rest> rest;    // from connections, when it could not take one
    std::optional<Timer> limit;  // of what it has to do next: get ready, or end
    Nanoseconds ready_at{0}, last_sign{-1};
    bool was_ready = false;
    bool asked_to_end = false;
    bool hung = false;
    bool trusted = true;           // its link made sense
    std::string complaint;         // why the manager killed it
    std::deque<UniqueFd> waiting;  // passed, and not yet taken
  };

  struct Slot {
    Slot(Loop& loop, const BackoffOptions& options, Task on_restart)
        : backoff(options), restart(loop, std::move(on_restart)) {}
    Worker* current = nullptr;
    Worker* successor = nullptr;  // of a reload, until it is ready
    Worker* retiring = nullptr;   // of a reload
    Backoff backoff;
    Timer restart;
    bool given_up = false;
    std::uint64_t restarts = 0, reloads = 0, passed = 0;
    std::string last_end;
    std::unique_ptr<Acceptor> acceptor;  // of its own listener, with reuse_port
  };

  // Lives of workers: cluster.cc.
  Worker* spawn(unsigned slot);
  int run_in_child(unsigned slot, UniqueFd link, UniqueFd listener);
  void start_current(unsigned slot);
  void on_exit(Worker& worker, const ExitStatus& end);
  void ended(Worker& worker, const ExitStatus& end);
  static bool ended_as_told(const Worker& worker, const ExitStatus& end);
  void refill(unsigned slot, const Worker* last);
  void give_up(unsigned slot);
  void limit_passed(Worker& worker);
  void check_hearts();
  void retire(Worker& worker);
  void kill(Worker& worker, const std::string& complaint);
  void bury(Worker& worker);
  void sweep();
  void end_if_done();

  // What workers say: cluster_talk.cc.
  void start_channel(Worker& worker);
  void on_frame(Worker& worker, Frame& frame);
  void became_ready(Worker& worker);
  void on_link_end(Worker& worker, IpcEnd how, const std::string& why);
  void report(ClusterEvent::Kind kind, unsigned slot, pid_t pid, const std::string& text,
              Nanoseconds delay = Nanoseconds{0});

  // Passing connections: cluster_pass.cc.
  void make_listeners();
  Worker* next_taker();
  [[nodiscard]] bool has_taker() const;
  [[nodiscard]] bool can_take(const Worker& worker) const;
  [[nodiscard]] static bool is_vacant(const Slot& slot);
  [[nodiscard]] static bool manager_accepts(const Slot& slot);
  void pass(UniqueFd connection);
  void place_what_waits();
  void pass_what_waits();
  void acknowledged(Worker& worker, const std::string& payload, bool taken);
  void take_back(Worker& worker);
  void take_last_ones();
  void close_listeners();
  [[nodiscard]] int listener_for(unsigned slot);

  // Reloading: cluster_reload.cc.
  void begin_reload();
  void reload_next_slot();
  void successor_ready(Worker& worker);
  void successor_failed(unsigned slot);
  void end_reload(const std::string& problem);

  ClusterOptions options_;
  WorkerMain worker_main_;
  std::function<void(const ClusterEvent&)> on_event_;
  std::function<void(unsigned, std::string)> on_message_;
  std::uint16_t port_ = 0;

  // Before the loop, and so destroyed after it: they hold requests.
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::unique_ptr<Worker>> workers_, buried_;
  std::unique_ptr<Acceptor> acceptor_;  // with round_robin

  std::deque<UniqueFd> unplaced_;  // accepted, and nobody to take them at the moment
  std::size_t cursor_ = 0;         // the slot that got the last connection
  std::uint64_t lost_ = 0, passed_on_ = 0;
  bool stopping_ = false;
  std::string failure_;

  bool reloading_ = false;
  unsigned reload_at_ = 0;
  std::vector<Reloaded> reload_done_, reload_queued_;

  Loop loop_;
  std::vector<std::unique_ptr<Signal>> signals_;
  Timer hearts_;
  Nanoseconds last_check_{0};
};

}  // namespace timeslice::loop
