// SPDX-License-Identifier: MIT
// Of what pieces is an answer made? A text is one; a file is as many as it takes, each read when
// the one before has gone, behind the head the first. So an answer takes one buffer, however long
// the file is, and a client that reads slowly slows down nobody but itself.
#pragma once
#include <string>

#include "demo/response.h"
#include "loop/io/stream.h"

namespace timeslice::demo {

class Sender {
 public:
  class Owner {
   public:
    // Nothing is to be done when the last piece has gone: it needn't be hurried.
    [[nodiscard]] virtual bool nothing_follows() const = 0;
    // 0, or the file's -errno (-ENODATA: it has become shorter). The Sender may be destroyed here.
    virtual void sent(int error) = 0;

   protected:
    ~Owner() = default;
  };

  // Reads files by `piece_bytes`. `stream` has let go of the last piece when this is destroyed.
  Sender(loop::Stream& stream, std::size_t piece_bytes, Owner& owner)
      : stream_(stream), piece_bytes_(piece_bytes), owner_(owner) {}

  void send(std::string head, Response response, bool with_body);
  // The stream's queue is empty.
  void written();
  // Begins nothing more. If something is in flight, sent() comes all the same.
  void cancel() {
    cancelled_ = true;
    reading_.cancel();
  }
  [[nodiscard]] bool in_flight() const { return reading_.in_flight(); }
  // Not yet: another answer may still be sent instead.
  [[nodiscard]] bool begun() const { return begun_; }

 private:
  void read_piece();
  void piece_read(int result);
  void send_piece();

  loop::Stream& stream_;
  const std::size_t piece_bytes_;
  Owner& owner_;
  loop::Request reading_;
  std::string out_;
  std::size_t end_ = 0;  // of what `out_` holds
  FilePart file_;        // what is left of it
  bool begun_ = false;
  bool cancelled_ = false;
};

}  // namespace timeslice::demo
