// SPDX-License-Identifier: MIT
#include "tools/demo.h"

#include <memory>
#include <string>

#include "demo/demo.h"
#include "tools/checks.h"

namespace timeslice {

namespace {

void add_serving(CLI::App& demo, demo::DemoOptions& options) {
  demo.add_option("--port", options.port, "Port to listen on; 0: any free port")
      ->check(tools::whole_within(0, 65535))
      ->capture_default_str();
  const std::vector<std::pair<std::string, loop::BackendKind>> backends = {
      {"uring", loop::BackendKind::uring},
      {"pool", loop::BackendKind::pool},
      {"blocking", loop::BackendKind::blocking}};
  demo.add_option(
          "--backend", options.backend,
          "I/O backend. uring: io_uring (falls back to pool where it is not permitted); pool:"
          " epoll, with threads for files and jobs; blocking: the loop's own thread, so every"
          " file or job blocks all clients")
      ->transform(tools::choice_of(backends))
      ->default_str("uring");
  demo.add_option("--pool", options.pool_size, "Threads in the pool")
      ->check(tools::whole_within(1, 1024))
      ->capture_default_str();
  demo.add_option("--cluster", options.cluster,
                  "Worker processes, under a manager; 0: serve from this process alone")
      ->check(tools::whole_within(0, 256))
      ->capture_default_str();
  const std::vector<std::pair<std::string, demo::Policy>> policies = {
      {"round-robin", demo::Policy::round_robin}, {"reuse-port", demo::Policy::reuse_port}};
  demo.add_option(
          "--policy", options.policy,
          "How a cluster distributes connections. round-robin: the manager passes them to the"
          " workers in turn; reuse-port: the kernel chooses by a hash of the addresses")
      ->transform(tools::choice_of(policies))
      ->default_str("round-robin");
}

void add_content(CLI::App& demo, demo::DemoOptions& options) {
  demo.add_option("--root", options.root, "Directory whose files are served under /static/");
  demo.add_option("--sort-workers", options.sort_workers, "Worker threads for /sort")
      ->check(tools::whole_within(1, 64))
      ->capture_default_str();
  demo.add_flag("--load", options.load, "Also generate load, from a separate process");
  demo.add_option("--seconds", options.seconds, "Stop after this time; 0: run until a signal")
      ->check(tools::number_within(0, 1e9))
      ->capture_default_str();
}

}  // namespace

void add_demo(CLI::App& app) {
  const auto options = std::make_shared<demo::DemoOptions>();
  const auto file_kib = std::make_shared<std::size_t>(options->file_bytes >> 10);
  CLI::App* demo =
      app.add_subcommand("demo", "Serve HTTP on 127.0.0.1 from the built-in event loop");
  add_serving(*demo, *options);
  add_content(*demo, *options);
  demo->add_option("--file-kib", *file_kib, "Size of the /file response, in KiB")
      ->check(tools::whole_within(1, 1 << 20))
      ->capture_default_str();
  demo->footer(
      "Routes: /, /file (read in pieces by the backend; Range requests are supported),\n"
      "/static/... (files under --root), /hash?iterations=N (on the thread pool), /sort?n=N (on a\n"
      "worker thread; with &where=loop in the loop, which blocks all clients), /block?ms=N "
      "(blocks\n"
      "the loop, to show the effect), /stats (JSON). SIGTERM shuts down gracefully; a second one\n"
      "exits immediately. In a cluster, SIGHUP replaces the workers one by one without refusing\n"
      "connections; if the terminal was closed, it ends the cluster, except under nohup.");
  demo->callback([options, file_kib] {
    options->file_bytes = *file_kib << 10;
    demo::run_demo(*options);
  });
}

}  // namespace timeslice
