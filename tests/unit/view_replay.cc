// SPDX-License-Identifier: MIT
// Do keys move through a recording's time, and does the bar say where it stands? Without a
// terminal; a live screen must not know these keys.
#include "tests/catch.h"
#include "tests/unit/view_frames.h"
#include "view/screen/draw.h"
#include "view/screen/help.h"

using namespace timeslice;
using test::MadeFrame;
using view::Action;
using view::Controls;
using view::Key;

namespace {

constexpr uint64_t second_ns = 1'000'000'000;

view::TimeBar bar_of_a_minute(uint64_t at_s) {
  view::TimeBar bar;
  bar.begin_ns = 5 * second_ns;
  bar.end_ns = 65 * second_ns;
  bar.now_ns = (5 + at_s) * second_ns;
  bar.began = "2026-03-01 18:31:02";
  bar.clock = "18:31:17";
  return bar;
}

Controls in_a_recording(uint64_t at_s = 15) {
  Controls controls;
  controls.bar = bar_of_a_minute(at_s);
  return controls;
}

std::vector<Action> type(Controls& controls, const std::string& text) {
  std::vector<Action> actions;
  for (const char c : text) {
    const Key key = c == '\n' ? Key{Key::enter, 0} : Key{Key::character, static_cast<char32_t>(c)};
    controls.press(key, nullptr, actions);
  }
  return actions;
}

std::string page(Controls& controls, int width, int height) {
  MadeFrame made(Mode::aggregate);
  made.process(10, "ping");
  made.thread(10, "ping");
  view::Canvas canvas(width, height, true);
  controls.refreshed(made.frame());
  view::draw_page(canvas, &made.frame(), controls, controls.bar ? controls.bar->clock : "");
  return canvas.plain();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("digits jump to tenths, and J to a second") {
  Controls controls = in_a_recording();
  CHECK(type(controls, "5") == std::vector{Action::jump});
  CHECK(controls.jump_ns == 35 * second_ns);
  CHECK(type(controls, "0") == std::vector{Action::jump});
  CHECK(controls.jump_ns == 5 * second_ns);
  CHECK(type(controls, "J12.5\n") == std::vector{Action::jump});
  CHECK(controls.jump_ns == 5 * second_ns + 12'500'000'000);
}

TEST_CASE("a second beyond the recording gets a message") {
  for (const std::string text : {"J61\n", "J-1\n", "Jx\n", "J1x\n", "Jnan\n"}) {
    CAPTURE(text);
    Controls controls = in_a_recording();
    CHECK(type(controls, text).empty());
    CHECK(has(controls.message, "from 0 to 60.000"));
  }
}

TEST_CASE("a step pauses, and speed doubles and halves within bounds") {
  Controls controls = in_a_recording();
  CHECK(type(controls, ".,") == std::vector{Action::forward, Action::back});
  CHECK(controls.paused);
  CHECK(type(controls, "]]") == std::vector{Action::speed, Action::speed});
  CHECK(controls.speed == 4);
  type(controls, std::string(20, ']'));
  CHECK(controls.speed == 64);
  type(controls, std::string(20, '['));
  CHECK(controls.speed == 1.0 / 64);
}

TEST_CASE("without a recording these keys do nothing") {
  Controls controls;
  CHECK(type(controls, "059.,[]J").empty());
  CHECK(controls.focus == Controls::Focus::list);
  CHECK_FALSE(controls.paused);
}

TEST_CASE("the probes of a recording can't be switched") {
  Controls controls = in_a_recording();
  CHECK(type(controls, "a").empty());
  CHECK(has(controls.message, "no probes"));
}

TEST_CASE("the time bar shows the position and whether it is playing") {
  Controls controls = in_a_recording();
  const std::string playing = page(controls, 80, 24);
  CHECK(has(playing, "recorded 2026-03-01 18:31:02  step 1 s"));
  CHECK(has(playing, "18:31:17\nplaying    x1 "));
  CHECK(has(playing, "  15.000 / 60.000 s\n"));
  CHECK(has(playing, "q quit  h help  p pause  . , step  0-9 J jump  [ ] speed"));
  controls.paused = true;
  CHECK(has(page(controls, 80, 24), "\npaused     x1 "));
  controls.bar = bar_of_a_minute(60);
  CHECK(has(page(controls, 200, 60), "\nat the end x1 "));
}

TEST_CASE("the help page has these keys for a recording only") {
  const auto tells = [](bool recording, const std::string& what) {
    for (const view::HelpLine& line : view::help_lines(recording))
      if (has(std::string(line.text), what)) return true;
    return false;
  };
  CHECK(tells(true, "jump to a tenth of the recording"));
  CHECK_FALSE(tells(false, "jump to a tenth of the recording"));
  CHECK(tells(false, "switch to aggregate mode"));
  CHECK_FALSE(tells(true, "switch to aggregate mode"));
}
