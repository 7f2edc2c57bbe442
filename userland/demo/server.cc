// SPDX-License-Identifier: MIT
#include "demo/server.h"

namespace timeslice::demo {

namespace {

// For what comes from all clients: a turn in which more comes reads the rest in the next one.
constexpr unsigned kBuffers = 256;
constexpr std::size_t kBufferBytes = std::size_t{4} << 10;

loop::Options loop_options(const DemoOptions& options) {
  return {.backend = options.backend, .pool_size = options.pool_size, .sim = options.sim};
}

}  // namespace

Server::Server(const DemoOptions& options, UniqueFd listener)
    : options_(options),
      intake_(std::move(listener), options.limits.connections, counts_,
              [this](UniqueFd connection) { serve(std::move(connection)); }),
      loop_(loop_options(options)),
      routes_(loop_, loop_options(options), options, counts_),
      shared_{.loop = loop_,
              .buffers = buffers_.emplace(loop_, kBuffers, kBufferBytes),
              .routes = routes_,
              .counts = counts_,
              .limits = options.limits,
              .on_end = [this](Connection& connection) { ended(connection); }},
      grace_(loop_, [this] { abort_all(); }) {}

Server::Connections::~Connections() {
  while (!empty()) delete &pop_front();
}

void Server::serve(UniqueFd connection) {
  auto& taken = *new Connection(shared_, std::move(connection));
  connections_.push_back(taken);
  if (stopping_) taken.finish();
}

void Server::ended(Connection& connection) {
  delete &connection;
  intake_.go_on();
}

// Whoever asks twice is in a hurry.
void Server::stop() {
  if (stopping_) return abort_all();
  stopping_ = true;
  intake_.stop();
  connections_.walk([](Connection& connection) { connection.finish(); });
  grace_.unref();  // if all is done before, there's nothing to wait for
  grace_.start(options_.limits.grace);
}

void Server::abort_all() {
  intake_.stop();
  connections_.walk([](Connection& connection) { connection.abort(); });
}

}  // namespace timeslice::demo
