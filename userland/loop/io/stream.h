// SPDX-License-Identifier: MIT
// How does a program talk over one descriptor (a TCP or unix socket, a pipe, a terminal) without
// keeping account of requests? A Stream reads as long as its owner takes, queues what is written,
// and says when too much is queued: write() returns false above the high-water mark, and on_drain()
// follows when the queue has fallen to the low one. Whoever then waits needs memory for the mark
// and one piece, however slow the peer is.
//
//   struct Echo : Stream::Owner {
//     void on_data(Stream& stream, std::span<std::byte> data) override {
//       if (!stream.write(std::string(as_text(data)))) stream.pause();
//     }
//     void on_drain(Stream& stream) override { stream.resume(); }
//     void on_close(Stream&, int error) override { delete this; }  // or note that it's over
//     Stream stream;
//   };
//
//   Loop loop;
//   Buffers buffers(loop, 64, 16 << 10);  // shared by all streams; an idle stream holds none
//   auto* echo = new Echo;
//   echo->stream.open(loop, socket, &buffers, *echo);
//
// A stream's life: open(), then data both ways, then on_close(), once, whatever ended it. From
// open() to on_close() it stays where it is and isn't destroyed; in on_close() it may be destroyed,
// or opened anew. A Loop that goes away calls nobody; after it the Stream may go too, and closes
// its descriptor itself. In any callback any method may be called.
//
// The peer's end of stream: on_end(), which by default finishes our side too, as most protocols
// want. An error of reading or writing closes the stream, and on_close() has it.
//
// A reader that has gone is -EPIPE, and no signal (signals_of_writes.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "loop/core/loop.h"
#include "loop/core/multishot.h"

namespace timeslice::loop {

struct StreamOptions {
  // Of the write queue, in bytes, what is being sent included.
  std::uint32_t high_water = 64 << 10;
  std::uint32_t low_water = 16 << 10;
  // Closes with -ETIMEDOUT when for this long no byte came or went, paused or not. 0: never.
  Nanoseconds idle_timeout{0};
};

class Stream {
 public:
  // Who is told what happens. Told nothing more after on_close().
  class Owner {
   public:
    // In order, nothing lost. `data` is good until the call returns, and may be changed.
    virtual void on_data(Stream& stream, std::span<std::byte> data) = 0;
    // The peer sends no more. Once, after the last data.
    virtual void on_end(Stream& stream) { stream.finish(); }
    // Some of what was written has gone; write_queue_size() tells what is left. Nobody waits for
    // this (see kLazy) unless hurry() says so, or a write() returned false: it may come late.
    virtual void on_written(Stream&) {}
    // In its place, after a write() that returned false: there's room again.
    virtual void on_drain(Stream& stream) { on_written(stream); }
    // The descriptor is closed. `error`: 0, or the -errno that ended the stream.
    virtual void on_close(Stream& stream, int error) = 0;

   protected:
    ~Owner() = default;
  };

  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Takes `fd` over, and reads from the end of this callback on. Sockets read into `buffers`; null
  // or another kind of descriptor: into memory that is there while there is something to read.
  void open(Loop& loop, int fd, Buffers* buffers, Owner& owner, const StreamOptions& options = {});
  [[nodiscard]] bool is_open() const { return state_ == State::open; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] Loop& loop() const { return *loop_; }

  // Queues `data`, to be sent at the end of this callback with all that is written until then.
  // False if now more than the high-water mark is queued: wait for on_drain(). After finish(),
  // shutdown(), close() or an error it is dropped, and the answer is false.
  bool write(std::string data);
  // The same of memory that stays the caller's, who leaves it as it is until on_written() finds the
  // queue empty, or until on_close(): so that a piece of a file needs no string of its own.
  bool write_in_place(std::string_view data);
  // Something waits for what is written to be out: on_written() comes as soon as it is.
  void hurry();
  [[nodiscard]] std::size_t write_queue_size() const { return queued_; }
  [[nodiscard]] bool needs_drain() const { return needs_drain_; }

  // No on_data() and no on_end() between pause() and resume(). What has been received already waits
  // here, at most what the shared buffers hold; the rest waits in the kernel, and so in the end
  // does the peer. A paused stream with nothing to send doesn't hold the loop.
  void pause() { paused_ = true; }
  void resume();
  [[nodiscard]] bool paused() const { return paused_; }

  // Tells the peer that this is all, once the queue is out; reading goes on. Closes when both sides
  // have ended. A pipe or terminal has no half: as finish().
  void shutdown();
  // Closes once the queue is out.
  void finish();
  // Ends it now: what is queued is dropped, requests in flight are cancelled and waited for; then
  // on_close(), from the loop's close phase.
  void close() { close_with(0); }

 private:
  enum class State : std::uint8_t { closed, open, closing };
  enum class Then : std::uint8_t { stay, shutdown, finish };  // when the queue is out
  struct Batch;
  struct Piece;

  [[nodiscard]] bool takes_writes() const {
    return state_ == State::open && then_ == Then::stay && !output_over_;
  }
  Piece& new_piece();
  void drop_piece();
  bool queued(std::size_t size);
  void close_with(int error);
  void maybe_closed();
  void closed();
  void attend_soon();
  void attend();
  template <typename Call>
  void tell(const Call& call);

  void start_reading();
  void read_buffers();
  void wait_readable();
  void read_ready();
  void received(std::span<std::byte> data);
  void input_ended(int result);
  void tell_held();
  void tell_end();

  void start_writing();
  void send_one();
  void send_many();
  void wrote(int result);
  void wait_writable();
  void drop_written(std::size_t size);
  void end_output();
  void tell_written();

  Multishot reading_;  // or, without shared buffers, a poll or a read
  Request writing_;    // or, on a terminal, a poll
  Loop* loop_ = nullptr;
  Owner* owner_ = nullptr;
  Buffers* buffers_ = nullptr;
  std::list<Piece> queue_;  // which don't move while they're sent
  std::list<Piece> spare_;  // one at most
  std::size_t queued_ = 0;  // bytes
  std::size_t sent_of_first_ = 0;
  std::unique_ptr<Batch> batch_;         // of several pieces; while there are several
  std::unique_ptr<std::byte[]> memory_;  // of a read, while there is one
  std::unique_ptr<std::string> held_;    // received, but paused
  struct IdleWatch;
  std::unique_ptr<IdleWatch> idle_;
  std::uint32_t high_water_ = 0;
  std::uint32_t low_water_ = 0;
  int fd_ = -1;
  int error_ = 0;
  State state_ = State::closed;
  Then then_ = Then::stay;
  bool socket_ = false;
  bool paused_ = false;
  bool needs_drain_ = false;
  bool hurried_ = false;     // until the queue is out
  bool input_over_ = false;  // known; told once all that came before is
  bool end_told_ = false;
  bool output_over_ = false;
  bool attending_soon_ = false;
  bool telling_ = false;      // the owner is being called
  bool attend_then_ = false;  // when that call is over
  bool closing_soon_ = false;
};

inline std::string_view as_text(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

}  // namespace timeslice::loop
