// SPDX-License-Identifier: MIT
// How does `timeslice top` look and listen on a terminal? Screen shows frames through ncurses and
// turns keys into the few requests that only the tool itself can fulfil. It owns the terminal from
// construction to destruction, but no timer, no signal and no file descriptor.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/frame.h"
#include "view/format/order.h"
#include "view/screen/controls.h"
#include "view/screen/time_bar.h"

namespace timeslice::view {

enum class Glyphs { automatic, ascii, utf8 };  // automatic: as the locale has it

struct ScreenOptions {
  Glyphs glyphs = Glyphs::automatic;
  bool colour = true;
  double delay_s = 1;
  bool kernel_threads = false;
  Order order;
};

class Screen {
 public:
  // Throws Failure if stdin or stdout is not a terminal, or not one that ncurses can draw on.
  explicit Screen(const ScreenOptions& options);
  ~Screen();  // gives the terminal back as it was
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Draws `frame`, which must live until the next show(): keys redraw from it.
  void show(const model::Frame& frame);
  // The same of a recording, with a time bar and the keys that move in it.
  void show(const model::Frame& frame, TimeBar bar);

  // Takes all keys that wait on stdin, redraws, and returns what they ask of the tool, in order.
  // While paused() lasts, neither advance the tracker nor show(), but for a step or a jump.
  std::vector<Action> keys_ready();

  // After SIGWINCH.
  void resized();

  // Gives the terminal back for as long as the process is stopped, and takes it again as if nothing
  // were known of it: its mode, its size, what stands on it. Resuming what wasn't suspended does so
  // too.
  void suspend();
  void resume();

  // Shows a sentence for 5 s, or until a key is pressed.
  void say(std::string sentence);

  [[nodiscard]] double delay_s() const;
  [[nodiscard]] bool paused() const;
  void pause();  // as the key does, which also ends it

  // Of a recording.
  [[nodiscard]] double speed() const;
  [[nodiscard]] uint64_t jump_ns() const;  // where the last jump goes

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace timeslice::view
