// SPDX-License-Identifier: MIT
#include "loop/cluster/ipc.h"

#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

namespace timeslice::loop {

namespace {

using namespace std::chrono_literals;
constexpr std::size_t kReadSize = std::size_t{64} << 10;
constexpr int kReadsInARow = 16;    // then other things of the loop have their turn
constexpr auto kRetryPause = 10ms;  // until the kernel may again have room for descriptors
constexpr std::size_t kMaxFds = 4;  // in one message; an honest peer sends one

std::string failure_text(const std::string& what, int error) {
  return what + ": " + std::strerror(error);
}

bool peer_is_gone(int error) { return error == EPIPE || error == ECONNRESET || error == ENOTCONN; }

}  // namespace

std::string FrameReader::feed(const char* data, std::size_t size) {
  while (size > 0) {
    if (header_size_ < sizeof header_) {
      const std::size_t part = std::min(size, sizeof header_ - header_size_);
      std::memcpy(header_bytes_.data() + header_size_, data, part);
      header_size_ += part;
      data += part;
      size -= part;
      if (header_size_ < sizeof header_) break;
      if (std::string wrong = begin_frame(); !wrong.empty()) return wrong;
    }
    const std::size_t part = std::min(size, header_.size - frame_.payload.size());
    frame_.payload.append(data, part);
    data += part;
    size -= part;
    if (frame_.payload.size() == header_.size) end_frame();
  }
  // Only a header that has begun can still have a claim on one.
  const bool may_wait = header_size_ > 0 && header_size_ < sizeof header_;
  return fds_.size() > (may_wait ? 1 : 0) ? "a descriptor came that belongs to no frame" : "";
}

// The payload grows as it comes: a length alone costs no memory.
std::string FrameReader::begin_frame() {
  std::memcpy(&header_, header_bytes_.data(), sizeof header_);
  if (header_.size > max_payload_)
    return "a frame of " + std::to_string(header_.size) +
           " bytes was announced, and the limit is " + std::to_string(max_payload_);
  if ((header_.flags & ~kFrameHasFd) != 0)
    return "a frame came with unknown flags (" + std::to_string(header_.flags) + ")";
  frame_.type = header_.type;
  if ((header_.flags & kFrameHasFd) == 0) return "";
  if (fds_.empty()) return "a frame came without the descriptor that it announced";
  frame_.fd = std::move(fds_.front());
  fds_.pop_front();
  frame_.fd_lost = !frame_.fd;
  return "";
}

void FrameReader::end_frame() {
  complete_.push_back(std::exchange(frame_, Frame{}));
  header_size_ = 0;
}

std::optional<Frame> FrameReader::next() {
  if (complete_.empty()) return std::nullopt;
  Frame frame = std::move(complete_.front());
  complete_.pop_front();
  return frame;
}

IpcChannel::IpcChannel(UniqueFd socket, const IpcLimits& limits)
    : socket_(std::move(socket)), limits_(limits), reader_(limits.max_payload) {}

void IpcChannel::start(Loop& loop, Handlers handlers) {
  assert(loop_ == nullptr && "a channel is started once");
  loop_ = &loop;
  handlers_ = std::move(handlers);
  retry_.emplace(loop, [this] { flush(); });
  listen();
}

void IpcChannel::listen() {
  loop_->poll(reading_, socket_.get(), POLLIN,
              [this](Request& request) { readable(request.result()); });
}

// Listens anew before it calls anybody: a handler that throws doesn't leave the channel deaf.
void IpcChannel::readable(int result) {
  if (closed_) return close_when_idle();
  if (result < 0) return end(IpcEnd::error, failure_text("cannot wait for the peer", -result));
  listen();
  deliver();  // what was left over when a handler threw
  for (int left = kReadsInARow; left > 0 && receive() == Got::maybe_not_all; --left) {
  }
}

void IpcChannel::read_now() {
  while (!closed_ && receive() != Got::nothing) {
  }
}

// One piece. A short one was the last that is there, unless the kernel stopped for a descriptor.
IpcChannel::Got IpcChannel::receive() {
  std::array<char, kReadSize> bytes;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control;
  iovec piece{.iov_base = bytes.data(), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0 && errno == EINTR) return Got::maybe_not_all;
  if (size < 0 && errno == EAGAIN) return Got::nothing;
  if (size < 0 && !peer_is_gone(errno)) {
    end(IpcEnd::error, failure_text("cannot read from the peer", errno));
    return Got::nothing;
  }
  if (size <= 0) {
    const bool cut = reader_.within_frame();
    end(cut ? IpcEnd::cut : IpcEnd::closed,
        cut ? "the peer went away in the middle of a frame" : "the peer went away");
    return Got::nothing;
  }
  const bool stopped = take_fds(message);
  const std::string wrong = reader_.feed(bytes.data(), static_cast<std::size_t>(size));
  deliver();
  if (!wrong.empty() && !closed_) end(IpcEnd::garbage, wrong);
  if (closed_) return Got::nothing;
  const bool full = static_cast<std::size_t>(size) == bytes.size();
  return full || stopped ? Got::maybe_not_all : Got::all;
}

// One read brings the descriptors of one message at most: the kernel stops after it.
bool IpcChannel::take_fds(msghdr& message) {
  bool any = false;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      reader_.add_fd(UniqueFd(fd));
      any = true;
    }
  }
  const bool lost = (message.msg_flags & MSG_CTRUNC) != 0 && !any;
  if (lost) reader_.add_fd(UniqueFd());
  return any || lost;
}

void IpcChannel::deliver() {
  while (!closed_) {
    std::optional<Frame> frame = reader_.next();
    if (!frame) return;
    handlers_.on_frame(*frame);
  }
}

int IpcChannel::send(std::uint16_t type, std::string payload, int fd) {
  assert(loop_ != nullptr && "start the channel before you send");
  if (closed_ || unread_) return -EPIPE;
  if (payload.size() > limits_.max_payload) return -EMSGSIZE;
  if (queued_bytes_ > 0 && queued_bytes_ + payload.size() > limits_.max_queued) return -ENOBUFS;
  const bool alone = queue_.empty();
  const FrameHeader header{.size = static_cast<std::uint32_t>(payload.size()),
                           .type = type,
                           .flags = fd >= 0 ? kFrameHasFd : std::uint16_t{0}};
  queue_.push_back({.header = header, .payload = std::move(payload), .fd = fd});
  queued_bytes_ += queue_.back().size();
  if (alone) flush();
  return unread_ ? -EPIPE : 0;
}

void IpcChannel::flush() {
  while (!closed_ && !queue_.empty()) {
    Outgoing& frame = queue_.front();
    const int sent = send_some(frame);
    if (sent == -EINTR) continue;
    if (sent < 0) return wait_for_room(-sent);
    frame.done += static_cast<std::size_t>(sent);
    if (frame.done < frame.size()) continue;
    queued_bytes_ -= frame.size();
    queue_.pop_front();
  }
  if (std::exchange(waited_, false) && !closed_ && handlers_.on_flushed) handlers_.on_flushed();
}

// The descriptor goes with the first byte, and only with that.
int IpcChannel::send_some(Outgoing& frame) const {
  std::array<iovec, 2> parts{};
  std::size_t count = 0;
  std::size_t skip = frame.done;
  if (skip < sizeof frame.header)
    parts[count++] = {reinterpret_cast<char*>(&frame.header) + skip, sizeof frame.header - skip};
  skip -= std::min(skip, sizeof frame.header);
  if (skip < frame.payload.size())
    parts[count++] = {frame.payload.data() + skip, frame.payload.size() - skip};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (frame.fd >= 0 && frame.done == 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &frame.fd, sizeof frame.fd);
  }
  const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : static_cast<int>(sent);
}

// ETOOMANYREFS: an unprivileged user may have only so many descriptors under way, and nothing tells
// when there are fewer again.
void IpcChannel::wait_for_room(int error) {
  waited_ = true;
  if (error == EAGAIN)
    return loop_->poll(writing_, socket_.get(), POLLOUT, [this](Request& request) {
      if (closed_) return close_when_idle();
      if (request.result() < 0) return retry_->start(kRetryPause);
      flush();
    });
  if (error == ETOOMANYREFS || error == ENOMEM || error == ENOBUFS)
    return retry_->start(kRetryPause);
  // The reading side will tell, after what the peer had still to say.
  unread_ = true;
  drop_queue();
  if (!peer_is_gone(error)) end(IpcEnd::error, failure_text("cannot write to the peer", error));
}

void IpcChannel::drop_queue() {
  queue_.clear();
  queued_bytes_ = 0;
}

void IpcChannel::end(IpcEnd how, const std::string& why) {
  close();
  if (handlers_.on_end) handlers_.on_end(how, why);
}

// The shutdown tells the peer at once, although a request may hold the socket open for a turn more.
void IpcChannel::close() {
  if (closed_) return;
  closed_ = true;
  drop_queue();
  reader_ = FrameReader(limits_.max_payload);  // and the descriptors in it are closed
  if (loop_ == nullptr) return;
  ::shutdown(socket_.get(), SHUT_RDWR);
  retry_->stop();
  reading_.cancel();
  writing_.cancel();
  close_when_idle();
}

void IpcChannel::close_when_idle() {
  if (idle() && socket_) loop_->close_now(socket_.release());
}

int make_ipc_pair(UniqueFd& a, UniqueFd& b) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return -errno;
  a = UniqueFd(ends[0]);
  b = UniqueFd(ends[1]);
  return 0;
}

}  // namespace timeslice::loop
