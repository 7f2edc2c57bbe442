// SPDX-License-Identifier: MIT
// What do tests of sockets share? Addresses, and sockets in a certain state.
#pragma once
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

#include <cstring>

#include "loop/core/net.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

template <typename Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline sockaddr_un at_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

inline UniqueFd make_socket(int family, int type = SOCK_STREAM) {
  UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, 0));
  REQUIRE(fd);
  return fd;
}

struct TcpPair {
  TcpPair() {
    const UniqueFd listener(listen_on_loopback(0));
    a = UniqueFd(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener.get()))));
    b = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!a || !b) std::abort();
  }
  UniqueFd a, b;
};

struct Udp {
  Udp() : fd(make_socket(AF_INET, SOCK_DGRAM)) {
    const sockaddr_in any = loopback(0);
    REQUIRE(::bind(fd.get(), generic(any), sizeof any) == 0);
    address = loopback(port_of(fd.get()));
  }
  UniqueFd fd;
  sockaddr_in address{};
};

inline void send_to_itself(const Udp& udp, const std::string& text) {
  REQUIRE(::sendto(udp.fd.get(), text.data(), text.size(), 0, generic(udp.address),
                   sizeof udp.address) > 0);
}

// Its error queue holds a message from now on; the error itself was fetched.
inline void get_refused(const Udp& udp) {
  const int on = 1;
  REQUIRE(::setsockopt(udp.fd.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0);
  int port = 0;
  {
    const Udp gone;
    port = port_of(gone.fd.get());
  }
  const sockaddr_in nobody = loopback(port);
  REQUIRE(::sendto(udp.fd.get(), "x", 1, 0, generic(nobody), sizeof nobody) == 1);
  pollfd one{udp.fd.get(), 0, 0};
  REQUIRE(::poll(&one, 1, -1) == 1);
  int error = 0;
  socklen_t size = sizeof error;
  REQUIRE(::getsockopt(udp.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0);
  REQUIRE(error == ECONNREFUSED);
}

struct ErrorQueue : Udp {
  ErrorQueue() { get_refused(*this); }
};

// A loop that throws after this number of turns: so a busy loop fails even if time stands still.
struct CountedLoop : GuardedLoop {
  CountedLoop(const Options& options, std::uint64_t most_turns)
      : GuardedLoop(options), counts(*this, Phase::prepare, [this, most_turns] {
          if (counters().turns > most_turns) throw std::runtime_error("the loop is busy");
        }) {
    counts.unref();
    counts.start();
  }
  Hook counts;
};

}  // namespace timeslice::loop::test
