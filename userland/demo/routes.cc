// SPDX-License-Identifier: MIT
#include "demo/routes.h"

#include <unistd.h>

#include <array>
#include <cstdio>

#include "demo/host.h"
#include "demo/jobs.h"
#include "demo/query.h"
#include "demo/stats.h"
#include "demo/temporary_file.h"

namespace timeslice::demo {

struct Route {
  std::string_view path;  // ends with a slash: all below, too
  void (Routes::*handle)(Exchange&);
  bool tells = false;  // of what is this machine's, and no page's of elsewhere

  [[nodiscard]] bool matches(std::string_view wanted) const {
    return path.size() > 1 && path.ends_with('/') ? wanted.starts_with(path) : wanted == path;
  }
};

namespace {

constexpr long kMaxBlockMs = 2000;
constexpr long kMaxIterations = 1'000'000;
constexpr long kIterations = 20'000;  // about 10 ms of one core
constexpr long kNumbers = 100'000;    // about as much

// A number in the query, or the answer that it must be another one.
std::optional<long> number_or_error(Exchange& exchange, const std::string& name, long low,
                                    long high, long otherwise) {
  const auto number = query_number(exchange.request.query, name, low, high, otherwise);
  if (!number)
    exchange.respond(error_response(400, name + " must be a number from " + std::to_string(low) +
                                             " to " + std::to_string(high) + "."));
  return number;
}

Response sorted_response(const char* where, std::size_t count, const Sorted& sorted,
                         pid_t thread_id) {
  std::array<char, 256> text{};
  std::snprintf(
      text.data(), text.size(),
      R"({"n": %zu, "where": "%s", "thread": %d, "sort_ms": %.3f, "checksum": "%016llx"})", count,
      where, thread_id, static_cast<double>(sorted.time_ns) / 1e6,
      static_cast<unsigned long long>(sorted.checksum));
  return {.body = std::string(text.data()) + '\n', .type = "application/json"};
}

std::string_view what_is_wrong(int status) {
  switch (status) {
    case 408:
      return "This request didn't come to its end in time.";
    case 413:
    case 431:
      return "This request is too large.";
    default:
      return "This request can't be understood.";
  }
}

}  // namespace

std::span<const Route> Routes::table() {
  static constexpr Route kTable[] = {
      {"/", &Routes::hello},
      {"/file", &Routes::send_file},
      {"/hash", &Routes::hash},
      {"/sort", &Routes::sort},
      {"/block", &Routes::block},
      {"/static/", &Routes::send_static_file, true},
      {"/stats", &Routes::stats, true},
  };
  return kTable;
}

Routes::Routes(loop::Loop& loop, const loop::Options& loop_options, const DemoOptions& options,
               const Counts& counts)
    : loop_(loop),
      options_(options),
      counts_(counts),
      started_(loop.now()),
      file_{.file = std::make_shared<const UniqueFd>(make_temporary_file(options.file_bytes)),
            .size = options.file_bytes},
      file_version_{.etag = '"' + std::to_string(options.file_bytes) + '"',
                    .modified = ::time(nullptr)},
      sorter_(loop, loop_options, options.sort_workers, options.limits.sorts_waiting,
              options.before_sort),
      hashes_(loop.pool_size(), options.limits.hashes_waiting),
      blocks_(1, options.limits.blocks_waiting_ms),
      requests_(table().size() + 1) {
  if (!options.root.empty()) static_files_.emplace(options.root);
}

std::map<std::string, std::uint64_t> Routes::requests() const {
  std::map<std::string, std::uint64_t> requests;
  for (std::size_t i = 0; i < table().size(); ++i)
    requests[std::string(table()[i].path)] = requests_[i];
  requests["other"] = requests_.back();
  return requests;
}

std::size_t Routes::place_of(const HttpRequest& request) {
  std::size_t i = request.error != 0 ? table().size() : 0;
  while (i < table().size() && !table()[i].matches(request.path)) ++i;
  return i;
}

void Routes::answer(Exchange& exchange) {
  const std::size_t place = place_of(exchange.request);
  ++requests_[place];
  if (auto no = refusal(exchange.request, place)) return exchange.respond(std::move(*no));
  (this->*table()[place].handle)(exchange);
}

bool Routes::refuses(const HttpRequest& request) const {
  return refusal(request, place_of(request)).has_value();
}

std::optional<Response> Routes::refusal(const HttpRequest& request, std::size_t place) const {
  if (request.error != 0)
    return error_response(request.error, std::string(what_is_wrong(request.error)));
  if (place == table().size())
    return error_response(404,
                          "There is /, /file, /hash, /sort?n=N, /block?ms=N, "
                          "/static/... and /stats.");
  if (table()[place].tells && !is_local_host(request.host))
    return error_response(421, "This is served to whoever asks for localhost or an address.");
  if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
  Response refused = error_response(405, "Only GET and HEAD are served here.");
  refused.headers = "Allow: GET, HEAD\r\n";
  return refused;
}

void Routes::hello(Exchange& exchange) {
  exchange.respond({.body = "Hello from an event loop.\n"});
}

void Routes::send_file(Exchange& exchange) {
  exchange.respond(
      file_response(exchange.request, file_, file_version_, "application/octet-stream"));
}

void Routes::send_static_file(Exchange& exchange) {
  if (!static_files_)
    return exchange.respond(error_response(404, "No files are served: see --root."));
  const std::size_t below = std::string_view("/static/").size();
  loop_.work(
      exchange.operation,
      [this, &exchange, below] {
        const std::string_view path = exchange.request.path;
        exchange.result = static_files_->find(exchange.request, path.substr(below));
      },
      [&exchange](loop::Request& work) {
        if (work.result() != 0)
          return exchange.respond(error_response(503, "No thread could open this file."));
        exchange.respond(std::move(exchange.result));
      });
}

void Routes::hash(Exchange& exchange) {
  const auto iterations = number_or_error(exchange, "iterations", 1, kMaxIterations, kIterations);
  if (!iterations) return;
  const auto count = static_cast<int>(*iterations);
  hashes_.take(exchange, 1, [this, &exchange, count] { hash_on_pool(exchange, count); });
}

// Once a thread has begun it can't be cut short.
void Routes::hash_on_pool(Exchange& exchange, int iterations) {
  loop_.work(
      exchange.operation,
      [&exchange, iterations] { exchange.result.body = pbkdf2_hex(iterations) + '\n'; },
      [this, &exchange](loop::Request& work) {
        hashes_.end();
        if (work.result() != 0)
          return exchange.respond(error_response(503, "No thread could take this job."));
        exchange.respond(std::move(exchange.result));
      });
}

void Routes::sort(Exchange& exchange) {
  const auto limit = static_cast<long>(options_.limits.sort_numbers);
  const auto count = number_or_error(exchange, "n", 0, limit, std::min(kNumbers, limit));
  if (!count) return;
  const auto where = query_value(exchange.request.query, "where").value_or("worker");
  const auto size = static_cast<std::size_t>(*count);
  if (where == "worker") return sort_on_worker(exchange, size);
  if (where != "loop")
    return exchange.respond(error_response(400, "where must be worker or loop."));
  exchange.respond(sorted_response("loop", size, sort_numbers(size), ::gettid()));
}

void Routes::sort_on_worker(Exchange& exchange, std::size_t count) {
  const Sorter::Id job = sorter_.sort(count, [&exchange, count](const Sorter::Result* result) {
    if (!result)
      return exchange.respond(error_response(503, "The worker that sorted this has died."));
    exchange.respond(sorted_response("worker", count, result->sorted, result->thread_id));
  });
  if (job == Sorter::kFull)
    return exchange.respond(error_response(503, "Too much is waiting to be sorted already."));
  if (exchange.input_ended && sorter_.withdraw(job)) return exchange.respond(gone_response());
  exchange.forget = [this, job] { sorter_.forget(job); };
  exchange.on_input_end = [this, job, &exchange] {
    if (sorter_.withdraw(job)) exchange.respond(gone_response());
  };
}

void Routes::block(Exchange& exchange) {
  const auto ms = number_or_error(exchange, "ms", 0, kMaxBlockMs, 100);
  if (!ms) return;
  const auto cost = static_cast<std::uint64_t>(*ms);
  blocks_.take(exchange, cost,
               [this, &exchange, ms = static_cast<int>(*ms)] { block_now(exchange, ms); });
}

// On purpose in the loop. One in each turn, so that the others' turn comes between two.
void Routes::block_now(Exchange& exchange, int ms) {
  spin(ms);
  loop_.set_immediate([this] { blocks_.end(); });
  exchange.respond({.body = "The loop was blocked for " + std::to_string(ms) + " ms.\n"});
}

void Routes::stats(Exchange& exchange) {
  if (!member_) return exchange.respond(stats_response("null"));
  const Member::Id question = member_->ask(
      [this, &exchange](const std::string& table) { exchange.respond(stats_response(table)); });
  exchange.forget = [this, question] { member_->forget(question); };
}

Response Routes::stats_response(const std::string& cluster_table) const {
  return {.body = stats_json({.loop = loop_,
                              .counts = counts_,
                              .sorts = sorter_.counts(),
                              .requests = requests(),
                              .uptime = loop_.now() - started_,
                              .slot = member_ ? static_cast<int>(member_->slot()) : -1,
                              .cluster_table = cluster_table}),
          .type = "application/json"};
}

}  // namespace timeslice::demo
