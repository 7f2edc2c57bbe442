// SPDX-License-Identifier: MIT
#include "tools/demo.h"

#include <memory>
#include <string>

#include "demo/demo.h"
#include "tools/checks.h"

namespace timeslice {

namespace {

void add_serving(CLI::App& demo, demo::DemoOptions& options) {
  demo.add_option("--port", options.port, "port to listen on; 0 takes a free one")
      ->check(tools::whole_within(0, 65535))
      ->capture_default_str();
  const std::vector<std::pair<std::string, loop::BackendKind>> backends = {
      {"uring", loop::BackendKind::uring},
      {"pool", loop::BackendKind::pool},
      {"blocking", loop::BackendKind::blocking}};
  demo.add_option("--backend", options.backend,
                  "who carries operations out: uring, the kernel (where it's refused: pool); pool,"
                  " threads for files and jobs, and epoll; blocking, the loop's own thread, so"
                  " that everybody waits for each file and job")
      ->transform(tools::choice_of(backends))
      ->default_str("uring");
  demo.add_option("--pool", options.pool_size, "threads in the pool")
      ->check(tools::whole_within(1, 1024))
      ->capture_default_str();
  demo.add_option("--cluster", options.cluster,
                  "processes that serve, under a manager; 0: this one alone")
      ->check(tools::whole_within(0, 256))
      ->capture_default_str();
  const std::vector<std::pair<std::string, demo::Policy>> policies = {
      {"round-robin", demo::Policy::round_robin}, {"reuse-port", demo::Policy::reuse_port}};
  demo.add_option("--policy", options.policy,
                  "who gets a connection in a cluster: round-robin, the next one, passed by the"
                  " manager; reuse-port, as the kernel hashes the addresses")
      ->transform(tools::choice_of(policies))
      ->default_str("round-robin");
}

void add_content(CLI::App& demo, demo::DemoOptions& options) {
  demo.add_option("--root", options.root, "directory whose files are served below /static/");
  demo.add_option("--sort-workers", options.sort_workers, "threads that sort for /sort")
      ->check(tools::whole_within(1, 64))
      ->capture_default_str();
  demo.add_flag("--load", options.load, "also make requests, from a process of its own");
  demo.add_option("--seconds", options.seconds, "end after this time; 0 goes on until a signal")
      ->check(tools::number_within(0, 1e9))
      ->capture_default_str();
}

}  // namespace

void add_demo(CLI::App& app) {
  const auto options = std::make_shared<demo::DemoOptions>();
  const auto file_kib = std::make_shared<std::size_t>(options->file_bytes >> 10);
  CLI::App* demo =
      app.add_subcommand("demo", "serve HTTP on 127.0.0.1 from the built-in event loop");
  add_serving(*demo, *options);
  add_content(*demo, *options);
  demo->add_option("--file-kib", *file_kib, "size of what /file sends, in KiB")
      ->check(tools::whole_within(1, 1 << 20))
      ->capture_default_str();
  demo->footer(
      "Routes: /, /file (read by the back end, in pieces; Range is heard), /static/... (files\n"
      "below --root), /hash?iterations=N (on the thread pool), /sort?n=N (on a worker thread;\n"
      "with &where=loop in the loop, so that everybody waits), /block?ms=N (blocks the loop, to\n"
      "see what that does), /stats (JSON). SIGTERM ends it with what was begun finished, a second\n"
      "one at once. In a cluster SIGHUP replaces the workers, one by one, refusing nobody;\n"
      "when the terminal was closed it ends the cluster, except under nohup.");
  demo->callback([options, file_kib] {
    options->file_bytes = *file_kib << 10;
    demo::run_demo(*options);
  });
}

}  // namespace timeslice
