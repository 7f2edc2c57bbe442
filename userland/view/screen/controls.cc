// SPDX-License-Identifier: MIT
#include "view/screen/controls.h"

#include <algorithm>

#include "view/format/columns.h"

namespace timeslice::view {

namespace {

constexpr uint64_t message_ns = 5'000'000'000;
constexpr double most_speed = 64;

struct SortKey {
  char32_t letter;
  ColumnId id;
};
constexpr SortKey sort_keys[] = {
    {'P', ColumnId::cpu_pct},       {'N', ColumnId::tid},
    {'V', ColumnId::nvcsw_per_s},   {'I', ColumnId::nivcsw_per_s},
    {'W', ColumnId::wait_ms_per_s}, {'M', ColumnId::migrations_per_s},
};

}  // namespace

void Controls::press(const Key& key, const model::Frame* frame, std::vector<Action>& actions) {
  message.clear();
  if (key.name == Key::character && key.code == 3) return actions.push_back(Action::quit);
  switch (focus) {
    case Focus::list:
      press_in_list(key, frame, actions);
      break;
    case Focus::help:
      press_in_help(key);
      break;
    default:
      press_in_prompt(key, actions);
  }
  if (frame != nullptr) list.arrange(*frame);
}

void Controls::press_in_list(const Key& key, const model::Frame* frame,
                             std::vector<Action>& actions) {
  if (key.name == Key::character) {
    // The first that knows the letter takes it.
    (void)(sort_by_letter(key.code) || toggle(key.code, frame) || travel(key.code, actions) ||
           ask(key.code, frame, actions));
    return;
  }
  if (move(key.name)) return;
  if (key.name == Key::enter) details = !details;
  if (key.name == Key::help) focus = Focus::help;
  if (key.name == Key::refresh) actions.push_back(Action::refresh);
  if (key.name != Key::escape) return;
  if (details)
    details = false;
  else
    list.filter.clear();
}

bool Controls::move(Key::Name name) {
  switch (name) {
    case Key::up:
      list.move(-1);
      return true;
    case Key::down:
      list.move(1);
      return true;
    case Key::page_up:
      list.page(-1);
      return true;
    case Key::page_down:
      list.page(1);
      return true;
    case Key::home:
      list.home();
      return true;
    case Key::end:
      list.end();
      return true;
    case Key::right:
      ++column_page;
      return true;
    case Key::left:
      column_page -= column_page > 0;
      return true;
    default:
      return false;
  }
}

bool Controls::sort_by_letter(char32_t letter) {
  for (const SortKey& key : sort_keys) {
    if (key.letter != letter) continue;
    list.order = {&column(key.id), false};
    return true;
  }
  return false;
}

bool Controls::toggle(char32_t letter, const model::Frame* frame) {
  switch (letter) {
    case 'H':
      list.threads = !list.threads;
      return true;
    case 't':
      list.tree = !list.tree;
      return true;
    case 'K':
      list.kernel_threads = !list.kernel_threads;
      return true;
    case 'r':
      list.order.reversed = !list.order.reversed;
      return true;
    case ' ':
      list.toggle_fold();
      return true;
    case '-':
    case '+':
      if (frame != nullptr) list.fold_all(letter == '-', *frame);
      return true;
    case '<':
      step_column(-1, frame);
      return true;
    case '>':
      step_column(1, frame);
      return true;
    default:
      return false;
  }
}

bool Controls::ask(char32_t letter, const model::Frame* frame, std::vector<Action>& actions) {
  switch (letter) {
    case 'q':
      actions.push_back(Action::quit);
      return true;
    case 'h':
    case '?':
      focus = Focus::help;
      return true;
    case '/':
      prompt(Focus::filter, list.filter);
      return true;
    case 'd':
      prompt(Focus::delay, "");
      return true;
    case 's':
      prompt(Focus::sort, "");
      return true;
    case 'p':
      paused = !paused;
      actions.push_back(Action::pause);
      return true;
    case 'a': {
      if (bar) {
        say("a recording has no probes to switch on or off");
        return true;
      }
      const bool above = frame != nullptr && frame->mode == Mode::aggregate;
      actions.push_back(above ? Action::descend : Action::climb);
      return true;
    }
    default:
      return false;
  }
}

// Through a recording's time.
bool Controls::travel(char32_t letter, std::vector<Action>& actions) {
  if (!bar) return false;
  if (letter >= '0' && letter <= '9') {
    jump_to(bar->at((letter - '0') / 10.0), actions);
    return true;
  }
  switch (letter) {
    case '.':
    case ',':
      paused = true;
      actions.push_back(letter == '.' ? Action::forward : Action::back);
      return true;
    case '[':
    case ']':
      speed = std::clamp(letter == ']' ? speed * 2 : speed / 2, 1.0 / most_speed, most_speed);
      actions.push_back(Action::speed);
      return true;
    case 'J':
      prompt(Focus::jump, "");
      return true;
    default:
      return false;
  }
}

void Controls::jump_to(uint64_t moment_ns, std::vector<Action>& actions) {
  jump_ns = moment_ns;
  actions.push_back(Action::jump);
}

// To the column beside the one that sorts now, among those that this frame can fill.
void Controls::step_column(int by, const model::Frame* frame) {
  const auto all = columns();
  const auto count = static_cast<int>(all.size());
  auto at = static_cast<int>(list.order.column - all.data());
  for (int tries = 0; tries < count; ++tries) {
    at = (at + by + count) % count;
    const Column& c = all[static_cast<size_t>(at)];
    if (c.place == Place::files || c.id == ColumnId::name) continue;
    if (frame != nullptr && !measured(c, *frame)) continue;
    list.order = {&c, false};
    return;
  }
}

void Controls::press_in_help(const Key& key) {
  switch (key.name) {
    case Key::down:
      ++help_top;
      return;
    case Key::up:
      help_top -= help_top > 0;
      return;
    case Key::page_down:
      help_top += 10;
      return;
    case Key::page_up:
      help_top -= std::min<size_t>(help_top, 10);
      return;
    case Key::home:
      help_top = 0;
      return;
    case Key::end:
      help_top = SIZE_MAX / 2;
      return;
    default:
      focus = Focus::list;
      help_top = 0;
  }
}

void Controls::say(std::string sentence) {
  message = std::move(sentence);
  said_ns_ = now_ns_;
}

void Controls::refreshed(const model::Frame& frame) {
  now_ns_ = frame.time_ns;
  if (!message.empty() && now_ns_ > said_ns_ + message_ns) message.clear();
  list.arrange(frame);
}

}  // namespace timeslice::view
