// SPDX-License-Identifier: MIT
// How do two processes talk, and hand each other open connections? Over a pair of unix stream
// sockets, in frames: a header with the length and the type, then the payload, and perhaps one
// descriptor (SCM_RIGHTS). A stream knows no borders, so a frame may come in any number of pieces;
// it takes only as much as there is room for, so frames wait here in a queue. The peer's death is
// the end of the stream, and bytes that can't be a frame end the channel with a sentence.
#pragma once
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "loop/core/loop.h"

namespace timeslice::loop {

// Before each payload. Both ends run on one machine, so the byte order is the machine's.
struct FrameHeader {
  std::uint32_t size;   // of the payload, bytes
  std::uint16_t type;   // the users' business
  std::uint16_t flags;  // kFrameHasFd or 0
};
static_assert(sizeof(FrameHeader) == 8);
inline constexpr std::uint16_t kFrameHasFd = 1;

struct Frame {
  std::uint16_t type = 0;
  std::string payload;
  UniqueFd fd;
  // It came with a descriptor, but this process had no number left to give to it (EMFILE).
  bool fd_lost = false;
};

// Frames out of a stream of bytes.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_payload) : max_payload_(max_payload) {}

  // In the order of arrival, each before the bytes that it came with; an empty one was lost on the
  // way. The kernel delivers a descriptor with the first byte of what it was sent with.
  void add_fd(UniqueFd fd) { fds_.push_back(std::move(fd)); }
  // Takes all bytes, or says in a sentence why they can't be frames; from then on, don't feed.
  [[nodiscard]] std::string feed(const char* data, std::size_t size);
  [[nodiscard]] std::optional<Frame> next();
  [[nodiscard]] bool within_frame() const { return header_size_ > 0; }

 private:
  [[nodiscard]] std::string begin_frame();
  void end_frame();

  std::size_t max_payload_;
  std::array<char, sizeof(FrameHeader)> header_bytes_{};
  std::size_t header_size_ = 0;
  FrameHeader header_{};  // valid once header_size_ is that of a header
  Frame frame_;
  std::deque<UniqueFd> fds_;
  std::deque<Frame> complete_;
};

struct IpcLimits {
  std::size_t max_payload = std::size_t{16} << 20;  // of one frame, both ways
  std::size_t max_queued = std::size_t{64} << 20;   // payloads that wait to be sent
};

enum class IpcEnd : std::uint8_t {
  closed,   // by the peer, between two frames
  cut,      // by the peer, within a frame
  garbage,  // from the peer
  error,    // of the system
};

class IpcChannel {
 public:
  struct Handlers {
    std::function<void(Frame&)> on_frame;
    std::function<void()> on_flushed;  // the last frame of a queue has gone
    // Once. The channel has closed itself.
    std::function<void(IpcEnd, const std::string& why)> on_end;
  };

  // It holds requests: it must outlive its loop, or be closed and idle() before it goes. It must
  // not go from within its own handlers.
  explicit IpcChannel(UniqueFd socket, const IpcLimits& limits = {});
  IpcChannel(const IpcChannel&) = delete;
  IpcChannel& operator=(const IpcChannel&) = delete;

  void start(Loop& loop, Handlers handlers);
  // Queues a frame if it can't be sent at once. `fd` stays the caller's, and open until the queue
  // has gone out or the channel is closed. Returns 0; -EMSGSIZE for a payload over the limit;
  // -ENOBUFS if too much waits already, so wait for on_flushed; -EPIPE if nobody reads any more.
  int send(std::uint16_t type, std::string payload, int fd = -1);
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
  [[nodiscard]] bool flushed() const { return queue_.empty(); }

  // Takes what is there now, without waiting: for the last words of a peer that is known to be
  // dead.
  void read_now();
  // No handler is called any more, and what is queued is dropped. Not after the loop is gone.
  void close();
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool idle() const { return !reading_.in_flight() && !writing_.in_flight(); }

  // Does waiting for frames hold the loop? From the start on it does. What is queued always does.
  void ref() { reading_.ref(); }
  void unref() { reading_.unref(); }

 private:
  struct Outgoing {
    FrameHeader header;
    std::string payload;
    int fd;
    std::size_t done = 0;  // bytes, of header and payload
    [[nodiscard]] std::size_t size() const { return sizeof header + payload.size(); }
  };

  enum class Got : std::uint8_t { nothing, all, maybe_not_all };

  void listen();
  void readable(int result);
  Got receive();
  bool take_fds(msghdr& message);
  void deliver();
  void flush();
  void wait_for_room(int error);
  [[nodiscard]] int send_some(Outgoing& frame) const;
  void drop_queue();
  void end(IpcEnd how, const std::string& why);
  void close_when_idle();

  UniqueFd socket_;
  IpcLimits limits_;
  Loop* loop_ = nullptr;
  Handlers handlers_;
  FrameReader reader_;
  std::deque<Outgoing> queue_;
  std::size_t queued_bytes_ = 0;
  bool closed_ = false;
  bool waited_ = false;  // the queue didn't go out at once
  bool unread_ = false;  // the peer has gone: nobody reads what we send
  Request reading_, writing_;
  std::optional<Timer> retry_;
};

// Both ends, close-on-exec. Returns 0 or -errno.
int make_ipc_pair(UniqueFd& a, UniqueFd& b);

}  // namespace timeslice::loop
