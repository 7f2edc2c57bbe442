// SPDX-License-Identifier: MIT
// What goes from one thread to another? A Message. Its bytes were copied in; its buffers, files and
// ports change hands without a copy, and the sender has them no more; its shared buffers are from
// then on in both threads' hands. Moves carry all of it, so sending copies nothing again.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "loop/threads/shared_buffer.h"

namespace timeslice::loop {

class Port;

// Memory with one owner. Moved from, it is empty; where it went, it has the same address.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size)  // zero-filled
      : data_(std::make_unique<std::byte[]>(size)), size_(size) {}
  Buffer(Buffer&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~Buffer() = default;

  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
};

struct Message {
  Message();
  explicit Message(std::span<const std::byte> copied);
  explicit Message(std::string_view copied);
  Message(Message&& other) noexcept;
  Message& operator=(Message&& other) noexcept;
  ~Message();  // what nobody took out is freed or closed

  // The bytes as text.
  [[nodiscard]] std::string_view text() const;

  std::vector<std::byte> bytes;
  std::vector<Buffer> buffers;
  std::vector<SharedBuffer> shared;
  std::vector<UniqueFd> fds;
  std::vector<Port> ports;  // see Port::send
};

}  // namespace timeslice::loop
