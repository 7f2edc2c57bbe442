// SPDX-License-Identifier: MIT
#include "trace/unpacked.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

#include "base/failure.h"

namespace timeslice::trace {

uint64_t Unpacked::append(std::string_view bytes) {
  if (!file_) file_.reset(std::tmpfile());
  if (!file_) throw failure_from_errno("cannot unpack the recording into a temporary file", errno);
  const uint64_t at = size_;
  while (!bytes.empty()) {
    const ssize_t done =
        pwrite(fileno(file_.get()), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0)
      throw failure_from_errno("cannot unpack the recording into a temporary file", errno);
    bytes.remove_prefix(static_cast<size_t>(done));
    size_ += static_cast<uint64_t>(done);
  }
  return at;
}

size_t Unpacked::read(uint64_t offset, char* to, size_t size) {
  size_t done = 0;
  while (file_ && done < size) {
    const ssize_t got =
        pread(fileno(file_.get()), to + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw failure_from_errno("cannot read the unpacked recording", errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

std::optional<std::string> inflated(std::string_view bytes, size_t limit) {
  z_stream stream{};
  if (bytes.size() > UINT32_MAX || inflateInit(&stream) != Z_OK) return std::nullopt;
  // zlib takes what it reads as bytes that it could write.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK && out.size() < limit) {
    const size_t had = out.size();
    out.resize(std::min(limit, std::max<size_t>(1 << 16, 2 * had)));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(out.size() - had);
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (stream.avail_out != 0 && result == Z_OK) break;  // it wants more than there is
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return out;
}

const char* compressor_of(std::string_view beginning) {
  constexpr struct {
    std::string_view magic;
    const char* name;
  } known[] = {{"\x1f\x8b", "gzip"},
               {"\x28\xb5\x2f\xfd", "zstd"},
               {"\xfd"
                "7zXZ",
                "xz"},
               {"BZh", "bzip2"},
               {"PK\x03\x04", "zip"}};
  for (const auto& one : known)
    if (beginning.substr(0, one.magic.size()) == one.magic) return one.name;
  return "";
}

}  // namespace timeslice::trace
