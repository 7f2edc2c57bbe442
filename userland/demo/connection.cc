// SPDX-License-Identifier: MIT
#include "demo/connection.h"

#include <ctime>
#include <limits>
#include <utility>

namespace timeslice::demo {

struct Connection::Answering {
  explicit Answering(Connection& owner)
      : sender(owner.stream_, owner.shared_.limits.piece_bytes, owner) {}
  [[nodiscard]] bool in_flight() const {
    return exchange.operation.in_flight() || sender.in_flight();
  }

  Exchange exchange;
  Sender sender;
  bool interim = false;  // it only says that the body may come
};

// Each answer is at most one piece in the stream's queue, which needs no mark of its own.
Connection::Connection(Shared& shared, UniqueFd socket)
    : shared_(shared), parser_(shared.limits), patience_(shared.loop, [this] { timed_out(); }) {
  loop::set_no_delay(socket.get());
  ++shared_.counts.connections;
  stream_.open(shared_.loop, socket.release(), &shared_.buffers, *this,
               {.high_water = std::numeric_limits<std::uint32_t>::max()});
  look_at_clock();
}

Connection::~Connection() = default;

void Connection::on_data(loop::Stream& stream, std::span<std::byte> data) {
  if (awaited_ == Awaited::closing) return;
  stream.hurry();
  std::string_view bytes = loop::as_text(data);
  parse(bytes);
  if (!bytes.empty()) {  // until there's room again
    unparsed_ = bytes;
    stream.pause();
  }
  answer_next();
  look_at_clock();
}

// A half-closed client still gets its answers.
void Connection::on_end(loop::Stream& stream) {
  reading_ = false;
  if (answering_) {
    answering_->exchange.input_ended = true;
    if (const auto tell = std::move(answering_->exchange.on_input_end)) tell();
  }
  stream.hurry();
  if (awaited_ == Awaited::closing) return abort();
  answer_next();
  look_at_clock();
}

void Connection::parse(std::string_view& bytes) {
  while (!bytes.empty() && waiting_.size() < shared_.limits.pipelined)
    if (auto request = parser_.feed(bytes)) waiting_.push_back(std::move(*request));
}

void Connection::go_on() {
  if (!unparsed_.empty()) {
    std::string_view bytes = unparsed_;
    parse(bytes);
    unparsed_.erase(0, unparsed_.size() - bytes.size());
    if (unparsed_.empty()) unparsed_ = {};  // its memory too
  }
  answer_next();
  if (unparsed_.empty()) stream_.resume();
  look_at_clock();
}

bool Connection::nothing_comes() const { return unparsed_.empty() && !reading_; }

void Connection::answer_next() {
  if (over() || answering_ || awaited_ == Awaited::closing) return;
  if (waiting_.empty()) {
    if (nothing_comes()) return abort();
    if (!parser_.expects_continue()) return;
    if (!shared_.routes.refuses(parser_.head())) return say_continue();
    waiting_.push_back(parser_.go_without_body());
  }
  answering_ = std::make_unique<Answering>(*this);
  await(Awaited::nothing);
  Exchange& exchange = answering_->exchange;
  exchange.request = std::move(waiting_.front());
  waiting_.pop_front();
  exchange.input_ended = nothing_comes();
  exchange.respond = [this](Response response) { respond(std::move(response)); };
  shared_.routes.answer(exchange);
}

void Connection::respond(Response response) {
  answering_->exchange.forget = answering_->exchange.on_input_end = nullptr;
  if (over()) return end_when_free();
  const HttpRequest& request = answering_->exchange.request;
  const bool last = finishing_ && waiting_.empty() && unparsed_.empty();
  keep_alive_ = request.keep_alive && !last;
  std::string head = head_of(response, keep_alive_, ::time(nullptr));
  await(Awaited::reading);
  answering_->sender.send(std::move(head), std::move(response), request.method != "HEAD");
}

// In its turn: when all that was asked before is answered.
void Connection::say_continue() {
  parser_.body_may_come();
  answering_ = std::make_unique<Answering>(*this);
  answering_->interim = true;
  await(Awaited::reading);
  answering_->sender.send("HTTP/1.1 100 Continue\r\n\r\n", {}, false);
}

bool Connection::nothing_follows() const {
  return !answering_->interim && keep_alive_ && reading_ && waiting_.empty() && unparsed_.empty() &&
         !finishing_ && !parser_.expects_continue();
}

void Connection::on_written(loop::Stream& stream) {
  patience_.start(shared_.limits.stall_time);
  if (stream.write_queue_size() == 0) answering_->sender.written();
}

void Connection::sent(int error) {
  if (over()) return end_when_free();
  const bool can_say_so = error != 0 && !answering_->sender.begun();
  if (can_say_so) return respond(error_response(500, "The file can't be read."));
  if (error != 0) return abort();
  answering_.reset();
  if (!keep_alive_) return start_lingering();
  go_on();
}

// To close with bytes of the client unread would reset the connection, and could take our last
// answer along. So we say that we're done, and read until the client has closed too.
void Connection::start_lingering() {
  if (!reading_) return abort();
  waiting_.clear();  // whatever comes now is not answered any more
  unparsed_ = {};
  await(Awaited::closing);
  stream_.shutdown();
  stream_.resume();
}

void Connection::finish() {
  if (std::exchange(finishing_, true)) return;
  stream_.hurry();
  if (awaited_ == Awaited::request) say_farewell();
}

// To close at once whoever is between two requests would fail the one that is on its way. The next
// answer says that it's the last; whoever hasn't asked for a while doesn't wait for one.
void Connection::say_farewell() {
  const loop::Nanoseconds idle = shared_.loop.now() - idle_since_;
  const loop::Nanoseconds left = shared_.limits.farewell_time - idle;
  if (left <= loop::Nanoseconds{0}) return abort();
  patience_.start(left);
}

// While nothing is to be answered, the client is to send.
void Connection::look_at_clock() {
  if (over() || answering_ || awaited_ == Awaited::closing) return;
  if (!parser_.begun()) return await(Awaited::request);
  await(parser_.in_body() ? Awaited::body : Awaited::header);
}

// The time begins with the waiting: a byte now and then doesn't make it longer.
void Connection::await(Awaited what) {
  if (awaited_ == what) return;
  awaited_ = what;
  const Limits& limits = shared_.limits;
  switch (what) {
    case Awaited::nothing:
      return patience_.rest();
    case Awaited::request:
      idle_since_ = shared_.loop.now();
      return finishing_ ? say_farewell() : patience_.start(limits.idle_time);
    case Awaited::header:
      return patience_.start(limits.header_time);
    case Awaited::body:
      return patience_.start(limits.body_time);
    case Awaited::reading:
      return patience_.start(limits.stall_time);
    case Awaited::closing:
      return patience_.start(limits.linger_time);
  }
}

void Connection::timed_out() {
  if (over()) return;
  const bool in_time = awaited_ == Awaited::closing || (awaited_ == Awaited::request && finishing_);
  if (!in_time) ++shared_.counts.timed_out;
  if (awaited_ != Awaited::header && awaited_ != Awaited::body) return abort();
  waiting_.push_back(parser_.give_up(408));
  answer_next();
}

void Connection::abort() {
  if (over()) return;
  stream_.close();
  give_up_answer();
}

void Connection::give_up_answer() {
  if (!answering_) return;
  answering_->exchange.operation.cancel();
  answering_->sender.cancel();
  if (const auto forget = std::move(answering_->exchange.forget)) forget();
}

// Asked for, or by an error: then nobody is there to answer.
void Connection::on_close(loop::Stream&, int) {
  give_up_answer();
  patience_.stop();
  closed_ = true;
  end_when_free();
}

void Connection::end_when_free() {
  if (!closed_ || (answering_ && answering_->in_flight())) return;
  --shared_.counts.connections;
  shared_.loop.at_close([this] { shared_.on_end(*this); });
}

}  // namespace timeslice::demo
