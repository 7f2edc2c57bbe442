// SPDX-License-Identifier: MIT
// How is one request answered many times? A Multishot request, once started, calls back for each
// connection or each piece of data, without being started anew, until it ends: by an error, by the
// end of the stream, or by cancel(). On io_uring the kernel keeps a receive armed (from Linux 6.0),
// and a busy server saves a submission for each event.
//
// Data comes in a buffer of the request's Buffers, which is the request's only during the callback:
// ten thousand idle connections hold none.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "loop/core/buffers.h"
#include "loop/core/request.h"

namespace timeslice::loop {

class Multishot : public Request {
 public:
  Multishot() : delivery_(*this) {}

  // In a callback: whether others follow. The last one has a result <= 0: 0 at the end of a stream,
  // else -errno. (A 0 with others to follow is an empty datagram. Longer ones than a buffer are cut
  // without a word: where that matters, recvmsg() tells.)
  [[nodiscard]] bool more() const { return in_flight(); }
  // In the callback of a receive: what came, result() bytes of it. Good until the callback returns.
  [[nodiscard]] std::span<std::byte> data() const { return data_; }

  // What happened and wasn't told yet: for back ends.
  struct Shot {
    int result;
    Buffers::Id buffer;
    bool last;
  };
  // A place in the back end's list of those that have something to tell.
  struct Delivery : Link {
    explicit Delivery(Multishot& request) : owner(request) {}
    Multishot& owner;
  };

  Buffers* buffers = nullptr;  // of a receive

 private:
  friend class Loop;
  friend class Backend;
  void begin(Buffers* into) {
    buffers = into;
    data_ = {};
  }
  std::vector<Shot> shots_;  // told from the front
  std::size_t told_ = 0;
  Delivery delivery_;
  std::span<std::byte> data_;
};

}  // namespace timeslice::loop
