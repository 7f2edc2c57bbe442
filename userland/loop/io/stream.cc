// SPDX-License-Identifier: MIT
// Requests in flight point into a stream, and owners may do anything in their callbacks. So each
// completion first brings the stream into order, and calls the owner last; what is to be begun
// afterwards is begun by attend(), when the call is over (or, outside of any, in a microtask),
// which also sends at once what one callback wrote.
#include "loop/io/stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "loop/core/lazy_timer.h"
#include "loop/io/stream_fd.h"

namespace timeslice::loop {

namespace {

constexpr std::size_t kReadSize = 64 << 10;  // a pipe's usual capacity
constexpr std::size_t kMaxParts = 64;

}  // namespace

// A short text lies in the piece itself, so it stays where it is.
struct Stream::Piece {
  std::string text;  // empty, if its owner keeps it
  std::string_view bytes;
};

struct Stream::Batch {
  std::array<iovec, kMaxParts> parts;
  msghdr message{};
};

struct Stream::IdleWatch {
  IdleWatch(Stream& stream, Nanoseconds limit)
      : timeout(limit), timer(*stream.loop_, [&stream] { stream.close_with(-ETIMEDOUT); }) {
    moved();
  }
  void moved() { timer.start(timeout); }

  const Nanoseconds timeout;
  LazyTimer timer;
};

Stream::Stream() = default;

Stream::~Stream() {
  if (fd_ >= 0) ::close(fd_);  // the loop has gone before
}

void Stream::open(Loop& loop, int fd, Buffers* buffers, Owner& owner,
                  const StreamOptions& options) {
  assert(state_ == State::closed && fd_ < 0 && fd >= 0);
  const StreamFd is = prepare_stream_fd(fd);
  loop_ = &loop;
  owner_ = &owner;
  fd_ = fd;
  socket_ = is.socket;
  buffers_ = socket_ ? buffers : nullptr;
  high_water_ = options.high_water;
  low_water_ = std::min(options.low_water, options.high_water);
  state_ = State::open;
  then_ = Then::stay;
  error_ = 0;
  paused_ = needs_drain_ = hurried_ = false;
  input_over_ = end_told_ = !is.readable;
  output_over_ = !is.writable;
  if (options.idle_timeout > Nanoseconds{0})
    idle_ = std::make_unique<IdleWatch>(*this, options.idle_timeout);
  attend_soon();
}

bool Stream::write(std::string data) {
  if (!takes_writes()) return false;
  const std::size_t size = data.size();
  if (size == 0) return queued(0);
  Piece& piece = new_piece();
  piece.text = std::move(data);
  piece.bytes = piece.text;
  return queued(size);
}

bool Stream::write_in_place(std::string_view data) {
  if (!takes_writes()) return false;
  if (!data.empty()) new_piece().bytes = data;
  return queued(data.size());
}

// One place in the queue is kept: most owners write one piece at a time.
Stream::Piece& Stream::new_piece() {
  if (spare_.empty()) return queue_.emplace_back();
  queue_.splice(queue_.end(), spare_);
  return queue_.back();
}

void Stream::drop_piece() {
  if (!spare_.empty()) return queue_.pop_front();
  queue_.front() = {};
  spare_.splice(spare_.end(), queue_, queue_.begin());
}

bool Stream::queued(std::size_t size) {
  queued_ += size;
  if (size > 0) attend_soon();
  needs_drain_ = needs_drain_ || queued_ > high_water_;
  writing_.hurry();  // this piece waits for it
  return queued_ <= high_water_;
}

void Stream::hurry() {
  hurried_ = hurried_ || queued_ > 0;
  writing_.hurry();
}

void Stream::resume() {
  if (!std::exchange(paused_, false)) return;
  if (state_ == State::open) attend_soon();
}

void Stream::shutdown() {
  if (!socket_) return finish();
  then_ = std::max(then_, Then::shutdown);
  writing_.hurry();
  if (state_ == State::open) attend_soon();
}

void Stream::finish() {
  then_ = Then::finish;
  writing_.hurry();
  if (state_ == State::open) attend_soon();
}

// In a call of our owner it's done after the call, and needs no microtask.
void Stream::attend_soon() {
  if (telling_) attend_then_ = true;
  if (telling_ || attending_soon_) return;
  attending_soon_ = true;
  loop_->queue_microtask([this] { attend(); });
}

template <typename Call>
void Stream::tell(const Call& call) {
  struct Telling {
    explicit Telling(Stream& told) : stream(told) { stream.telling_ = true; }
    ~Telling() {
      stream.telling_ = false;
      if (std::exchange(stream.attend_then_, false)) stream.attend_soon();  // it threw
    }
    Stream& stream;
  } telling(*this);
  call(*owner_);
  if (!std::exchange(attend_then_, false)) return;
  telling_ = false;
  attend();
}

// Does what can be done now. The owner is called last, and at most once.
void Stream::attend() {
  attending_soon_ = false;
  if (state_ == State::closing) return maybe_closed();
  start_writing();
  if (state_ != State::open) return;
  if (end_told_ && output_over_) return close();
  if (paused_) return;
  start_reading();
  if (held_) return tell_held();
  if (input_over_ && !end_told_) tell_end();
}

// Reading.

void Stream::start_reading() {
  if (reading_.in_flight() || input_over_) return;
  if (buffers_)
    read_buffers();
  else
    wait_readable();
}

void Stream::read_buffers() {
  loop_->recv_many(reading_, fd_, *buffers_, [this](Request& request) {
    if (state_ == State::closing) return maybe_closed();
    if (request.result() > 0) return received(reading_.data());
    if (request.result() == -ECANCELED) return attend();  // it was paused
    input_ended(request.result());
  });
}

// No memory is taken before there is something to read.
void Stream::wait_readable() {
  loop_->poll(reading_, fd_, POLLIN, [this](Request& request) {
    if (state_ == State::closing) return maybe_closed();
    if (request.result() < 0) return input_ended(request.result());
    if (!paused_) read_ready();
  });
}

void Stream::read_ready() {
  memory_.reset(new std::byte[kReadSize]);
  loop_->read(reading_, fd_, memory_.get(), kReadSize, kCurrentPosition, [this](Request& request) {
    const std::unique_ptr<std::byte[]> memory = std::move(memory_);
    if (state_ == State::closing) return maybe_closed();
    const int result = request.result();
    if (result > 0 || result == -EAGAIN) attend_soon();  // to wait again
    if (result > 0) return received({memory.get(), static_cast<std::size_t>(result)});
    // A terminal whose other side has gone answers EIO.
    const bool hung_up = result == -EIO && !socket_;
    if (result != -EAGAIN) input_ended(hung_up ? 0 : result);
  });
}

void Stream::received(std::span<std::byte> data) {
  if (idle_) idle_->moved();
  if (!paused_ && !held_) return tell([&](Owner& owner) { owner.on_data(*this, data); });
  if (!held_) held_ = std::make_unique<std::string>();
  held_->append(as_text(data));
  // Not before something comes: a short pause costs nothing.
  if (paused_ && buffers_) reading_.cancel();
}

void Stream::input_ended(int result) {
  if (result < 0) return close_with(result);
  input_over_ = true;
  if (!paused_ && !held_) tell_end();
}

void Stream::tell_held() {
  const std::unique_ptr<std::string> held = std::move(held_);
  if (input_over_) attend_soon();
  tell([&](Owner& owner) { owner.on_data(*this, std::as_writable_bytes(std::span(*held))); });
}

void Stream::tell_end() {
  end_told_ = true;
  if (output_over_) attend_soon();
  tell([&](Owner& owner) { owner.on_end(*this); });
}

// Writing.

void Stream::start_writing() {
  if (writing_.in_flight()) return;
  if (queue_.size() > 1) return send_many();
  if (!queue_.empty()) return send_one();
  if (then_ == Then::finish) return close();
  if (then_ == Then::shutdown && !output_over_) end_output();
}

// Nobody waits for the last piece's completion, unless something is to follow it.
void Stream::send_one() {
  const std::string_view piece = queue_.front().bytes.substr(sent_of_first_);
  Done done = [this](Request& request) { wrote(request.result()); };
  if (!socket_)
    return loop_->write(writing_, fd_, piece.data(), piece.size(), kCurrentPosition,
                        std::move(done));
  const bool awaited = hurried_ || needs_drain_ || then_ != Then::stay;
  loop_->send(writing_, fd_, piece.data(), piece.size(), std::move(done), awaited ? 0 : kLazy);
}

void Stream::send_many() {
  if (!batch_) batch_ = std::make_unique<Batch>();
  std::size_t count = 0;
  std::size_t skip = sent_of_first_;
  for (const Piece& piece : queue_) {
    const std::string_view rest = piece.bytes.substr(skip);
    batch_->parts[count++] = {operations::writable(rest.data()), rest.size()};
    skip = 0;
    if (count == kMaxParts) break;
  }
  Done done = [this](Request& request) { wrote(request.result()); };
  if (!socket_)
    return loop_->writev(writing_, fd_, batch_->parts.data(), count, kCurrentPosition,
                         std::move(done));
  batch_->message.msg_iov = batch_->parts.data();
  batch_->message.msg_iovlen = count;
  loop_->sendmsg(writing_, fd_, &batch_->message, std::move(done));
}

void Stream::wrote(int result) {
  if (state_ == State::closing) return maybe_closed();
  if (result == -EAGAIN) return wait_writable();
  if (result < 0) return close_with(result);
  drop_written(static_cast<std::size_t>(result));
  start_writing();
  if (state_ == State::open) tell_written();
}

// Only of descriptors with O_NONBLOCK: other requests wait by themselves.
void Stream::wait_writable() {
  loop_->poll(writing_, fd_, POLLOUT, [this](Request& request) {
    if (state_ == State::closing) return maybe_closed();
    if (request.result() < 0) return close_with(request.result());
    start_writing();
  });
}

void Stream::drop_written(std::size_t size) {
  if (idle_) idle_->moved();
  queued_ -= size;
  size += sent_of_first_;
  while (!queue_.empty() && size >= queue_.front().bytes.size()) {
    size -= queue_.front().bytes.size();
    drop_piece();
  }
  sent_of_first_ = size;
  if (!queue_.empty()) return;
  batch_.reset();
  hurried_ = false;
}

void Stream::tell_written() {
  const bool drained = needs_drain_ && queued_ <= low_water_;
  needs_drain_ = needs_drain_ && !drained;
  tell([&](Owner& owner) { drained ? owner.on_drain(*this) : owner.on_written(*this); });
}

// Waits for nothing, so no request is needed: the ring would hand it to one of its workers.
void Stream::end_output() {
  ::shutdown(fd_, SHUT_WR);
  output_over_ = true;
  attend_soon();
}

// The end.

void Stream::close_with(int error) {
  if (state_ != State::open) return;
  state_ = State::closing;
  error_ = error;
  idle_.reset();
  held_.reset();
  reading_.cancel();
  writing_.cancel();
  maybe_closed();
}

// Once nothing is under way that knows this stream.
void Stream::maybe_closed() {
  if (reading_.in_flight() || writing_.in_flight() || attending_soon_ || closing_soon_) return;
  closing_soon_ = true;
  loop_->at_close([this] { closed(); });
}

void Stream::closed() {
  closing_soon_ = false;
  queue_.clear();
  spare_.clear();
  batch_.reset();
  queued_ = sent_of_first_ = 0;
  loop_->close_now(std::exchange(fd_, -1));
  state_ = State::closed;
  owner_->on_close(*this, error_);  // which may destroy this
}

}  // namespace timeslice::loop
