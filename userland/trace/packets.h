// SPDX-License-Identifier: MIT
// Where does each packet of a file begin and end? Packets walks from one to the next through a
// window of the file, and says in a sentence where and why it can't go on.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "trace/reader.h"

namespace timeslice::trace {

class Packets {
 public:
  explicit Packets(Bytes& bytes) : bytes_(bytes) {}

  // The next packet, in contents(); false: there is none, see stopped().
  bool next();
  [[nodiscard]] std::string_view contents() const { return {window_.data() + begin_, size_}; }
  [[nodiscard]] uint64_t offset() const { return window_at_ + begin_; }  // of the contents
  [[nodiscard]] uint64_t followed() const {
    return followed_;
  }  // bytes up to the last packet's end
  [[nodiscard]] const std::string& stopped() const { return stopped_; }
  [[nodiscard]] bool ends_within_packet() const { return cut_; }

 private:
  bool need(size_t size);
  bool stop_within(const std::string& where);

  Bytes& bytes_;
  std::string window_;
  uint64_t window_at_ = 0;  // where in the file the window begins
  size_t at_ = 0;           // where in the window the next packet begins
  size_t begin_ = 0, size_ = 0;
  uint64_t followed_ = 0;
  std::string stopped_;
  bool cut_ = false;
};

}  // namespace timeslice::trace
