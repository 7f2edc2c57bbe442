// SPDX-License-Identifier: MIT
#include "demo/sender.h"

#include <algorithm>
#include <cerrno>

namespace timeslice::demo {

void Sender::send(std::string head, Response response, bool with_body) {
  out_ = std::move(head);
  begun_ = false;
  file_ = {};
  if (with_body && response.file) file_ = std::move(*response.file);
  if (with_body && !response.file) out_ += response.body;
  end_ = out_.size();
  if (file_.size == 0) return send_piece();
  out_.resize(end_ + static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes_, file_.size)));
  read_piece();
}

// Behind the head, if that is still to be sent.
void Sender::read_piece() {
  const auto size = std::min<std::uint64_t>(out_.size() - end_, file_.size);
  stream_.loop().read(reading_, file_.file->get(), out_.data() + end_,
                      static_cast<std::size_t>(size), static_cast<std::int64_t>(file_.offset),
                      [this](loop::Request& read) { piece_read(read.result()); });
}

void Sender::piece_read(int result) {
  if (cancelled_) return owner_.sent(-ECANCELED);
  if (result <= 0) return owner_.sent(result == 0 ? -ENODATA : result);
  const auto size = static_cast<std::size_t>(result);
  end_ += size;
  file_.offset += size;
  file_.size -= size;
  send_piece();
}

void Sender::send_piece() {
  begun_ = true;
  stream_.write_in_place({out_.data(), end_});
  if (file_.size > 0 || !owner_.nothing_follows()) stream_.hurry();
}

void Sender::written() {
  if (file_.size == 0) return owner_.sent(0);
  end_ = 0;
  read_piece();
}

}  // namespace timeslice::demo
