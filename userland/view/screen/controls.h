// SPDX-License-Identifier: MIT
// What does a key do? Keys change how the list is arranged and which page is in sight; the few that
// only the tool can fulfil become Actions. Nothing here knows a terminal, so a test can press keys.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/frame.h"
#include "view/screen/list_state.h"
#include "view/screen/time_bar.h"

namespace timeslice::view {

enum class Action {
  quit,
  climb,    // to aggregate mode
  descend,  // back to count mode
  delay,    // changed: see delay_s
  pause,    // toggled: see paused
  refresh,  // now, before the delay is over
  // Of a recording only.
  forward,  // by the delay
  back,
  jump,   // see jump_ns
  speed,  // changed: see speed
};

struct Key {
  enum Name : uint8_t {
    character,
    up,
    down,
    left,
    right,
    page_up,
    page_down,
    home,
    end,
    enter,
    escape,
    backspace,
    help,
    refresh,
  };
  Name name = character;
  char32_t code = 0;  // of a character
};

class Controls {
 public:
  // The latter four: a line is being typed.
  enum class Focus { list, help, filter, delay, sort, jump };

  ListState list;
  Focus focus = Focus::list;
  bool details = false;  // the pane of the selected row is open
  bool paused = false;
  double delay_s = 1;
  std::optional<TimeBar> bar;  // a recording is shown, and this moment of it
  double speed = 1;            // recorded seconds in each second, 1/64 to 64
  uint64_t jump_ns = 0;        // where to, on the bar's clock
  std::string input;           // what was typed so far
  std::string message;         // shown until a key is pressed, or for 5 s
  size_t column_page = 0;      // of the columns that don't fit side by side
  size_t help_top = 0;         // first line of the help page in sight

  // `frame` may be null before the first refresh.
  void press(const Key& key, const model::Frame* frame, std::vector<Action>& actions);

  void say(std::string sentence);
  // A new frame is there: time passes for the message.
  void refreshed(const model::Frame& frame);

 private:
  void press_in_list(const Key& key, const model::Frame* frame, std::vector<Action>& actions);
  void press_in_help(const Key& key);
  void press_in_prompt(const Key& key, std::vector<Action>& actions);
  bool move(Key::Name name);
  bool sort_by_letter(char32_t letter);
  bool toggle(char32_t letter, const model::Frame* frame);
  bool ask(char32_t letter, const model::Frame* frame, std::vector<Action>& actions);
  void step_column(int by, const model::Frame* frame);
  void accept(std::vector<Action>& actions);
  void accept_delay(std::vector<Action>& actions);
  void accept_sort();
  void accept_jump(std::vector<Action>& actions);
  bool travel(char32_t letter, std::vector<Action>& actions);
  void jump_to(uint64_t moment_ns, std::vector<Action>& actions);
  void prompt(Focus which, std::string text);

  uint64_t now_ns_ = 0;   // the newest frame's time
  uint64_t said_ns_ = 0;  // when the message came
};

}  // namespace timeslice::view
