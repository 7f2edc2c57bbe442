// SPDX-License-Identifier: MIT
// What does the workload do right now? A few lines that are drawn again while it runs: whoever had
// most of each CPU lately, and for how long each of its threads has run and waited. Looked up in
// /proc a few times a second; what is judged is the recording.
#pragma once
#include <sys/types.h>

#include <cstddef>

namespace timeslice::labs {

class LivePicture {
 public:
  // Of what this process starts from now on, on stdout, from a process of its own. Where that can't
  // be started there is no picture.
  explicit LivePicture(size_t width);
  ~LivePicture();  // takes it away
  LivePicture(const LivePicture&) = delete;
  LivePicture& operator=(const LivePicture&) = delete;

 private:
  pid_t painter_;
};

}  // namespace timeslice::labs
