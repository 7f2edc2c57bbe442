// SPDX-License-Identifier: MIT
#include "loop/cluster/cluster_listen.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "base/failure.h"
#include "loop/core/net.h"

namespace timeslice::loop {

namespace {

Failure cannot_listen(std::uint16_t port, int error) {
  const std::string where = "127.0.0.1:" + std::to_string(port);
  if (error == EADDRINUSE)
    return Failure("port " + std::to_string(port) +
                   " of 127.0.0.1 is in use: stop the server that has it, or choose another port");
  return failure_from_errno("cannot listen on " + where, error);
}

UniqueFd listen_on_shared_port(std::uint16_t port, int backlog) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw cannot_listen(port, errno);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), backlog) != 0)
    throw cannot_listen(port, errno);
  return fd;
}

}  // namespace

UniqueFd listen_alone(std::uint16_t port, int backlog) {
  UniqueFd listener(listen_on_loopback(port, backlog));
  if (listener.get() < 0) throw cannot_listen(port, -listener.release());
  ::fcntl(listener.get(), F_SETFL, ::fcntl(listener.get(), F_GETFL) | O_NONBLOCK);
  return listener;
}

std::vector<UniqueFd> listen_together(std::uint16_t port, int backlog, unsigned count) {
  // Another server of this user that shares its port too would let us in, and take part of our
  // connections. A socket that doesn't share finds out.
  if (port != 0) listen_alone(port, backlog);
  std::vector<UniqueFd> listeners;
  while (listeners.size() < count) {
    listeners.push_back(listen_on_shared_port(port, backlog));
    if (port == 0) port = static_cast<std::uint16_t>(port_of(listeners[0].get()));
  }
  return listeners;
}

}  // namespace timeslice::loop
