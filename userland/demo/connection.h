// SPDX-License-Identifier: MIT
// What does the server do for one client? It reads while it answers, keeps the answers in the order
// of the requests, stops reading when too many wait, loses patience with a client that doesn't get
// on, and goes away only when nothing that it started is in flight any more: its stream and its
// requests live in it, and the kernel or a thread may still write there.
//
// Between requests it holds next to no memory: what comes is read into buffers that all connections
// share, and what answering needs is made for each answer.
#pragma once
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "demo/exchange.h"
#include "demo/limits.h"
#include "demo/request_parser.h"
#include "demo/routes.h"
#include "demo/sender.h"
#include "loop/core/lazy_timer.h"
#include "loop/io/stream.h"

namespace timeslice::demo {

class Connection;

// What all connections of a server share.
struct Shared {
  loop::Loop& loop;
  loop::Buffers& buffers;
  Routes& routes;
  Counts& counts;
  const Limits& limits;
  // Called once for each connection, from the loop, when it may be destroyed.
  std::function<void(Connection&)> on_end;
};

class Connection final : public loop::Link, private loop::Stream::Owner, private Sender::Owner {
 public:
  Connection(Shared& shared, UniqueFd socket);
  ~Connection();

  // Answers what was begun, and a request that comes soon after the last one; then ends.
  void finish();
  // Ends as soon as nothing is in flight.
  void abort();

 private:
  // What the client is waited for to do.
  enum class Awaited : std::uint8_t { nothing, request, header, body, reading, closing };
  struct Answering;

  void on_data(loop::Stream& stream, std::span<std::byte> data) override;
  void on_end(loop::Stream& stream) override;
  void on_written(loop::Stream& stream) override;
  void on_close(loop::Stream& stream, int error) override;

  void parse(std::string_view& bytes);
  void go_on();
  void answer_next();
  void respond(Response response);
  void say_continue();
  void start_lingering();
  void say_farewell();
  void look_at_clock();
  void await(Awaited what);
  void timed_out();
  void give_up_answer();
  void end_when_free();
  [[nodiscard]] bool over() const { return !stream_.is_open(); }
  [[nodiscard]] bool nothing_comes() const;

  [[nodiscard]] bool nothing_follows() const override;
  void sent(int error) override;

  Shared& shared_;
  bool reading_ = true;  // the client may still send something
  bool finishing_ = false;
  bool keep_alive_ = true;
  bool closed_ = false;
  Awaited awaited_ = Awaited::nothing;
  loop::Nanoseconds idle_since_{0};

  loop::Stream stream_;
  RequestParser parser_;
  std::string unparsed_;                  // what came when too much was waiting already
  std::list<HttpRequest> waiting_;        // whole ones
  std::unique_ptr<Answering> answering_;  // until the answer's last byte is sent
  loop::LazyTimer patience_;
};

}  // namespace timeslice::demo
