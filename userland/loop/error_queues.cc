// SPDX-License-Identifier: MIT
#include "loop/error_queues.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace timeslice::loop {

namespace {

struct Option {
  int level;
  int name;
};
constexpr Option kFillQueues[] = {
    {SOL_SOCKET, SO_TIMESTAMPING},
    {SOL_SOCKET, SO_ZEROCOPY},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IPV6, IPV6_RECVERR},
};

bool is_on(int fd, const Option& option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, option.level, option.name, &value, &size) == 0 && value != 0;
}

}  // namespace

bool ErrorQueues::ask(int fd) {
  if (fd < 0) return false;
  bool any = false;
  for (const Option& option : kFillQueues) any = any || is_on(fd, option);
  const auto at = static_cast<std::size_t>(fd);
  if (at >= known_.size()) known_.resize(at + 1, Known::nothing);
  known_[at] = any ? Known::yes : Known::no;
  return any;
}

}  // namespace timeslice::loop
