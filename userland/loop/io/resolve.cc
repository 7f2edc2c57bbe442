// SPDX-License-Identifier: MIT
#include "loop/io/resolve.h"

#include <netdb.h>

#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace timeslice::loop {

namespace {

constexpr int kResolverErrors = -10'000;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// glibc takes such a number modulo 65536.
bool beyond_all_ports(const std::string& service) {
  char* rest = nullptr;
  const unsigned long number = std::strtoul(service.c_str(), &rest, 10);
  return !service.empty() && *rest == '\0' && number > 65535;
}

// Shared by the job and what is called after it, whichever of them is dropped last.
struct Lookup {
  void run() {
    if ((host + service).find('\0') != std::string::npos) {  // a string that C would cut short
      result = kResolverErrors + EAI_NONAME;
      return;
    }
    if (beyond_all_ports(service)) {
      result = kResolverErrors + EAI_SERVICE;
      return;
    }
    const addrinfo wanted{.ai_flags = hints.flags,
                          .ai_family = hints.family,
                          .ai_socktype = hints.type,
                          .ai_protocol = hints.protocol};
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                   service.empty() ? nullptr : service.c_str(), &wanted, &list);
    const int error = errno;
    found.reset(list);
    if (code == EAI_SYSTEM)
      result = -error;
    else
      result = code == 0 ? 0 : kResolverErrors + code;
  }

  std::string host, service;
  ResolveHints hints;
  int result = 0;
  std::unique_ptr<addrinfo, FreeAddresses> found;
};

Endpoint to_endpoint(const addrinfo& info) {
  Endpoint endpoint{.family = info.ai_family,
                    .type = info.ai_socktype,
                    .protocol = info.ai_protocol,
                    .size = info.ai_addrlen};
  assert(info.ai_addrlen <= sizeof endpoint.storage);
  std::memcpy(&endpoint.storage, info.ai_addr, info.ai_addrlen);
  return endpoint;
}

}  // namespace

void resolve(Loop& loop, Request& request, std::string host, std::string service,
             const ResolveHints& hints, std::vector<Endpoint>& endpoints, Done done) {
  auto lookup = std::make_shared<Lookup>();
  lookup->host = std::move(host);
  lookup->service = std::move(service);
  lookup->hints = hints;
  // It may wait for seconds. The pool's other jobs shall not wait behind it.
  loop.slow_work(
      request, [lookup] { lookup->run(); },
      [lookup, &endpoints, done = std::move(done)](Request& finished) {
        if (finished.result() == 0) finished.op.result = lookup->result;
        if (finished.result() == 0) {
          endpoints.clear();
          for (const addrinfo* info = lookup->found.get(); info; info = info->ai_next)
            endpoints.push_back(to_endpoint(*info));
        }
        if (done) done(finished);
      });
}

int resolver_code(int result) { return result < kResolverErrors ? result - kResolverErrors : 0; }

std::string resolve_error_text(int result) {
  const int code = resolver_code(result);
  return "the name can't be resolved: " +
         (code != 0 ? std::string(::gai_strerror(code)) : std::generic_category().message(-result));
}

std::string Endpoint::text() const {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(address(), size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "an address of family " + std::to_string(family);
  return (family == AF_INET6 ? "[" + std::string(host) + "]" : host) + ":" + port;
}

}  // namespace timeslice::loop
