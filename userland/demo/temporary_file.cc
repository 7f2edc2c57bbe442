// SPDX-License-Identifier: MIT
#include "demo/temporary_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/failure.h"

namespace timeslice::demo {

UniqueFd make_temporary_file(std::size_t size) {
  std::string path = "/tmp/timeslice-demo-XXXXXX";
  UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) throw failure_from_errno("cannot make a temporary file in /tmp for the demo", errno);
  ::unlink(path.c_str());
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    content[i] = i % 64 == 63 ? '\n' : static_cast<char>('a' + i % 26);
  for (std::size_t done = 0; done < size;) {
    const ssize_t written = ::write(file.get(), content.data() + done, size - done);
    if (written < 0)
      throw failure_from_errno("cannot write the demo's temporary file in /tmp", errno);
    done += static_cast<std::size_t>(written);
  }
  return file;
}

}  // namespace timeslice::demo
