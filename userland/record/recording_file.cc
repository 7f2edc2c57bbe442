// SPDX-License-Identifier: MIT
#include "record/recording_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/write_hold.h"

namespace timeslice::record {

RecordingFile::RecordingFile(loop::Loop& loop, loop::Request& request, NewFile file,
                             std::function<void(const std::string&)> on_failure)
    : loop_(loop), request_(request), file_(std::move(file)), on_failure_(std::move(on_failure)) {
  hold_for_writing(file_.fd());  // without locks, readers just can't tell that it is being written
}

void RecordingFile::take_place() {
  file_.take_place();
  placed_ = true;
}

void RecordingFile::append(const std::string& bytes) {
  if (bytes.empty() || !failure_.empty()) return;
  if (!placed_) {
    file_.write(bytes);
    accepted_ = written_ += bytes.size();
    return;
  }
  accepted_ += bytes.size();
  waiting_ += bytes;
  if (!request_.in_flight()) start();
}

void RecordingFile::when_idle(std::function<void()> then) {
  on_idle_ = std::move(then);
  tell_if_idle();
}

void RecordingFile::tell_if_idle() {
  if (idle() && on_idle_) std::exchange(on_idle_, nullptr)();
}

void RecordingFile::start() {
  if (done_ == writing_.size()) {
    writing_.clear();
    std::swap(writing_, waiting_);
    done_ = 0;
  }
  if (writing_.empty()) return;
  loop_.write(request_, file_.fd(), writing_.data() + done_, writing_.size() - done_,
              static_cast<int64_t>(written_),
              [this](loop::Request& request) { wrote(request.result()); });
}

void RecordingFile::wrote(int result) {
  if (result == -EINTR || result == -EAGAIN) return start();
  if (result <= 0) return fail(result == 0 ? ENOSPC : -result);
  done_ += static_cast<size_t>(result);
  written_ += static_cast<uint64_t>(result);
  start();
  tell_if_idle();
}

void RecordingFile::fail(int error) {
  failure_ = "cannot write " + file_.path() + ": " + std::strerror(error);
  // What of this piece was written ends anywhere; the pieces before it are whole.
  const uint64_t whole = written_ - done_;
  if (!file_.is_device()) {
    if (ftruncate(file_.fd(), static_cast<off_t>(whole)) != 0)
      failure_ += ", and its incomplete end could not be truncated";
    failure_ += "; what was recorded before that can be read";
  }
  waiting_.clear();
  writing_.clear();
  done_ = 0;
  accepted_ = written_ = whole;
  on_failure_(failure_);
  tell_if_idle();
}

}  // namespace timeslice::record
