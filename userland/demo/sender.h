// SPDX-License-Identifier: MIT
// How does an answer get to its client? A text as it is; a file in pieces, each read when the one
// before has been sent. So an answer takes one buffer, however long the file is, and a client that
// reads slowly slows down nobody but itself.
#pragma once
#include <string>

#include "demo/response.h"
#include "loop/core/loop.h"

namespace timeslice::demo {

class Sender {
 public:
  class Owner {
   public:
    // Nothing is to be done when the last piece has gone: its completion needn't be hurried.
    [[nodiscard]] virtual bool nothing_follows() const = 0;
    // Some bytes have gone.
    virtual void progressed() = 0;
    // 0, or -errno: of the socket, or of the file (-ENODATA: it has become shorter). The Sender may
    // be destroyed here.
    virtual void sent(int error) = 0;

   protected:
    ~Owner() = default;
  };

  // Reads files by `piece_bytes`.
  Sender(loop::Loop& loop, int fd, std::size_t piece_bytes, Owner& owner)
      : loop_(loop), fd_(fd), piece_bytes_(piece_bytes), owner_(owner) {}

  void send(std::string head, Response response, bool with_body);
  // Begins nothing more. If something is in flight, sent() comes all the same.
  // Something waits for the end of it now.
  void hurry() { operation_.hurry(); }
  void cancel() {
    cancelled_ = true;
    operation_.cancel();
  }
  [[nodiscard]] bool in_flight() const { return operation_.in_flight(); }
  // Not yet: another answer may still be sent instead.
  [[nodiscard]] bool begun() const { return begun_; }

 private:
  void read_piece();
  void piece_read(int result);
  void send_rest();
  void rest_sent(int result);

  loop::Loop& loop_;
  const int fd_;
  const std::size_t piece_bytes_;
  Owner& owner_;
  loop::Request operation_;
  std::string out_;
  std::size_t done_ = 0, end_ = 0;  // of what `out_` holds
  FilePart file_;                   // what is left of it
  bool begun_ = false;
  bool cancelled_ = false;
};

}  // namespace timeslice::demo
