// SPDX-License-Identifier: MIT
#include "demo/manager.h"

#include <fcntl.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/unique_fd.h"
#include "demo/load.h"
#include "demo/member.h"
#include "demo/server.h"
#include "loop/cluster/cluster.h"
#include "loop/core/ending_signals.h"

namespace timeslice::demo {

namespace {

using nlohmann::json;
using Kind = loop::ClusterEvent::Kind;

// What a worker needs beyond the server's own grace before it is killed.
constexpr auto kMargin = std::chrono::seconds(2);

loop::ClusterOptions cluster_options(const DemoOptions& options) {
  loop::ClusterOptions out;
  out.workers = options.cluster;
  out.port = options.port;
  out.policy = options.policy == Policy::reuse_port ? loop::ClusterPolicy::reuse_port
                                                    : loop::ClusterPolicy::round_robin;
  out.grace = options.limits.grace + kMargin;
  return out;
}

int serve(loop::WorkerLink& link, const DemoOptions& options) {
  ::prctl(PR_SET_NAME, ("demo-worker-" + std::to_string(link.slot())).c_str());
  Server server(options, link.take_listener());
  Member member(link, server.loop());
  server.join(member);
  link.attach(server.loop(),
              {.on_connection = [&](UniqueFd fd) { server.take(std::move(fd)); },
               .on_drain = [&] { server.stop(); },
               .on_message = [&](const std::string& message) { member.take(message); },
               .on_hurry = [&] { server.stop(); }});
  server.start();
  member.introduce();
  link.ready();
  server.loop().run();
  return 0;
}

bool has_terminal() {
  return UniqueFd(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)).get() >= 0;
}

json row_of(const loop::SlotStats& slot) {
  const double age_ms = static_cast<double>(slot.heartbeat_age.count()) / 1e6;
  return {
      {"slot", slot.slot},
      {"state", name_of(slot.state)},
      {"pid", slot.pid < 0 ? json(nullptr) : json(slot.pid)},
      {"restarts", slot.restarts},
      {"reloads", slot.reloads},
      {"passed", slot.passed},
      {"waiting", slot.waiting},
      {"heartbeat_age_ms", age_ms < 0 ? json(nullptr) : json(age_ms)},
      {"last_end", slot.last_end.empty() ? json(nullptr) : json(slot.last_end)},
  };
}

class Manager {
 public:
  explicit Manager(const DemoOptions& options)
      : options_(options),
        cluster_(cluster_options(options),
                 [this](loop::WorkerLink& link) { return serve(link, options_); }),
        end_(cluster_.loop(), [this] { stop(); }) {
    ::prctl(PR_SET_NAME, "demo-manager");
    if (options.load) load_.emplace(cluster_.port());
    for (const int signo : {SIGINT, SIGTERM})
      if (!loop::is_ignored(signo)) cluster_.on_signal(signo, [this] { stop(); });
    cluster_.on_signal(SIGHUP, [this] { hung_up(); });
    cluster_.on_message([this](unsigned slot, const std::string& text) { take(slot, text); });
    cluster_.on_event([](const loop::ClusterEvent& event) { report(event); });
    end_.unref();
    if (options.seconds > 0)
      end_.start(std::chrono::duration_cast<loop::Nanoseconds>(
          std::chrono::duration<double>(options.seconds)));
  }

  void run() { cluster_.run(); }

 private:
  void stop() {
    load_.reset();
    cluster_.stop();
  }

  // SIGHUP comes from whoever wants new workers, and when the terminal is closed: then there's none
  // any more. That may come twice, from the kernel and from a shell, and is no hurry.
  void hung_up() {
    if (!ends_with_terminal_ || has_terminal()) return cluster_.reload();
    if (!std::exchange(hung_up_, true)) stop();
  }

  void take(unsigned slot, const std::string& text) {
    if (text.starts_with(words::kServes)) announce(text.substr(words::kServes.size()));
    if (text.starts_with(words::kTable)) cluster_.send(slot, text + ' ' + table());
  }

  // By the first worker that is there to serve.
  void announce(const std::string& backend_and_note) {
    if (std::exchange(announced_, true)) return;
    const std::size_t line = backend_and_note.find('\n');
    std::fprintf(stderr, "listening on http://127.0.0.1:%u (backend %s, %u workers, %s)\n",
                 cluster_.port(), backend_and_note.substr(0, line).c_str(), options_.cluster,
                 name_of(options_.policy));
    const std::string note = backend_and_note.substr(line + 1);
    if (!note.empty()) std::fprintf(stderr, "%s\n", note.c_str());
  }

  static void report(const loop::ClusterEvent& event) {
    const bool as_usual =
        event.kind == Kind::started || event.kind == Kind::ready || event.kind == Kind::ended;
    if (!as_usual) std::fprintf(stderr, "%s\n", event.text.c_str());
  }

  [[nodiscard]] std::string table() const {
    json rows = json::array();
    for (const loop::SlotStats& slot : cluster_.stats()) rows.push_back(row_of(slot));
    const json table = {{"workers", options_.cluster},
                        {"policy", name_of(options_.policy)},
                        {"connections_lost", cluster_.connections_lost()},
                        {"connections_passed_on", cluster_.connections_passed_on()},
                        {"slots", rows}};
    return table.dump();
  }

  const DemoOptions& options_;
  loop::Cluster cluster_;
  loop::Timer end_;
  std::optional<LoadProcess> load_;
  bool announced_ = false;
  const bool ends_with_terminal_ =
      has_terminal() && !loop::is_ignored(SIGHUP);  // as it is under nohup
  bool hung_up_ = false;
};

}  // namespace

void run_cluster(const DemoOptions& options) { Manager(options).run(); }

}  // namespace timeslice::demo
