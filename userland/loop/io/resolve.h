// SPDX-License-Identifier: MIT
// Which addresses has a name? getaddrinfo knows: it reads /etc/hosts and asks name servers, as this
// machine is set up. It blocks for as long as those take, so it runs on a pool thread.
//
//   resolve(loop, request, "localhost", "http", {.type = SOCK_STREAM}, endpoints, [&](Request& r) {
//     if (r.result() < 0) return print(resolve_error_text(r.result()));
//     connect(endpoints.front());
//   });
#pragma once
#include <sys/socket.h>

#include <string>
#include <vector>

#include "loop/core/loop.h"

namespace timeslice::loop {

struct Endpoint {
  [[nodiscard]] const sockaddr* address() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  // "127.0.0.1:80", "[::1]:80"
  [[nodiscard]] std::string text() const;

  int family = 0;  // AF_…, SOCK_…, IPPROTO_…: what socket() takes
  int type = 0;
  int protocol = 0;
  sockaddr_storage storage{};
  socklen_t size = 0;  // of the address in it
};

struct ResolveHints {
  int family = AF_UNSPEC;
  int type = 0;  // 0: an endpoint for each type there is
  int protocol = 0;
  int flags = 0;  // AI_…
};

// `host` or `service` may be empty, not both. `endpoints` belongs to the request until `done`,
// which finds it filled in the order in which they should be tried, or untouched after an error.
//
// The result is 0, -ECANCELED (a look-up that has a thread already isn't cut short), another -errno
// where the system failed, or an error of the resolver. The resolver's own codes (EAI_…) are small
// negative numbers like -errno, so they are moved out of its way: -(10,000 - EAI_…).
void resolve(Loop& loop, Request& request, std::string host, std::string service,
             const ResolveHints& hints, std::vector<Endpoint>& endpoints, Done done);

// The EAI_… code in a result, or 0 if there is none in it.
int resolver_code(int result);
// "the name can't be resolved: Name or service not known"
std::string resolve_error_text(int result);

}  // namespace timeslice::loop
