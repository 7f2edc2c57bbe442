// SPDX-License-Identifier: MIT
// What does each path answer, and on which thread is the work for it done? `/` in the loop, `/file`
// and `/static/` by the back end, `/hash` on the thread pool, `/sort` on a worker; and `/block`
// shows what happens to everybody when a callback doesn't return.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "demo/counts.h"
#include "demo/demo.h"
#include "demo/exchange.h"
#include "demo/file_response.h"
#include "demo/member.h"
#include "demo/sorter.h"
#include "demo/static_files.h"
#include "demo/turns.h"
#include "loop/core/loop.h"

namespace timeslice::demo {

struct Route;

class Routes {
 public:
  // `options` and `counts` must outlive it; `loop_options` are those of the sorting workers' loops.
  // Throws Failure if the files can't be had.
  Routes(loop::Loop& loop, const loop::Options& loop_options, const DemoOptions& options,
         const Counts& counts);

  void answer(Exchange& exchange);
  // Whether the head alone is enough to answer that it isn't served.
  [[nodiscard]] bool refuses(const HttpRequest& request) const;
  void join(Member& member) { member_ = &member; }
  // How often each was asked for; "other" is what there isn't.
  [[nodiscard]] std::map<std::string, std::uint64_t> requests() const;

 private:
  friend struct Route;
  static std::span<const Route> table();
  static std::size_t place_of(const HttpRequest& request);
  [[nodiscard]] std::optional<Response> refusal(const HttpRequest& request,
                                                std::size_t place) const;

  void hello(Exchange& exchange);
  void send_file(Exchange& exchange);
  void send_static_file(Exchange& exchange);
  void hash(Exchange& exchange);
  void hash_on_pool(Exchange& exchange, int iterations);
  void sort(Exchange& exchange);
  void sort_on_worker(Exchange& exchange, std::size_t count);
  void block(Exchange& exchange);
  void block_now(Exchange& exchange, int ms);
  void stats(Exchange& exchange);
  [[nodiscard]] Response stats_response(const std::string& cluster_table) const;

  loop::Loop& loop_;
  const DemoOptions& options_;
  const Counts& counts_;
  const loop::Nanoseconds started_;
  FilePart file_;
  Version file_version_;
  std::optional<StaticFiles> static_files_;
  Sorter sorter_;
  Turns hashes_, blocks_;
  Member* member_ = nullptr;             // of a cluster
  std::vector<std::uint64_t> requests_;  // by place in the table, and one more for others
};

}  // namespace timeslice::demo
