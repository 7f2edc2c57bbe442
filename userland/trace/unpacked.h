// SPDX-License-Identifier: MIT
// What is in a file that another recorder has packed? Packets of Perfetto's may hold others,
// deflated. Unpacked puts them out, one after the other, into a temporary file without a name: they
// are read twice like all others, and memory doesn't grow with them.
#pragma once
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "trace/reader.h"

namespace timeslice::trace {

class Unpacked : public Bytes {
 public:
  // Keeps them; their place. Throws Failure where there is no room for them.
  uint64_t append(std::string_view bytes);
  [[nodiscard]] uint64_t size() const { return size_; }
  size_t read(uint64_t offset, char* to, size_t size) override;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  uint64_t size_ = 0;
};

// What zlib's format (RFC 1950) holds; nothing where it is broken, cut short, or longer than
// `limit` bytes. No more than those are ever held.
std::optional<std::string> inflated(std::string_view bytes, size_t limit);

// With what a whole file is compressed ("gzip"), by how it begins; empty: with nothing we know.
const char* compressor_of(std::string_view beginning);

}  // namespace timeslice::trace
