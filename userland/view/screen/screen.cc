// SPDX-License-Identifier: MIT
// The only file that knows ncurses.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include "view/screen/screen.h"

#include <langinfo.h>
#include <ncurses.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <clocale>

#include "base/clock.h"
#include "base/failure.h"
#include "view/format/wall_clock.h"
#include "view/screen/draw.h"
#include "view/screen/terminal_rescue.h"

namespace timeslice::view {

namespace {

constexpr size_t styles = static_cast<size_t>(Style::accent) + 1;

// May we draw more than ASCII? Sets the locale so that ncurses knows it too.
bool use_ascii(Glyphs wanted) {
  std::setlocale(LC_CTYPE, "");
  if (wanted == Glyphs::ascii) return true;
  const auto utf8 = [] { return std::string_view(nl_langinfo(CODESET)) == "UTF-8"; };
  if (wanted == Glyphs::utf8 && !utf8()) std::setlocale(LC_CTYPE, "C.UTF-8");
  return !utf8();
}

std::string terminal_name() {
  const char* term = std::getenv("TERM");
  return term != nullptr && *term != 0 ? term : "(not set)";
}

// newterm() can fail without harm, where initscr() would end the whole program.
SCREEN* open_terminal() {
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
    throw Failure("the screen needs a terminal for both keys and output; use -b for plain text");
  const std::string useless = "the terminal type " + terminal_name() +
                              " can't be drawn on; set TERM to what the terminal is, or use -b "
                              "for plain text";
  SCREEN* screen = newterm(nullptr, stdout, stdin);
  if (screen == nullptr) throw Failure(useless);
  const char* cursor_address = tigetstr("cup");
  if (cursor_address == nullptr || cursor_address == reinterpret_cast<char*>(-1)) {
    endwin();
    delscreen(screen);
    throw Failure(useless);
  }
  return screen;
}

// What endwin() sends, for a handler that may not call it.
std::string leaving() {
  std::string bytes;
  for (const char* name : {"sgr0", "rmkx", "cnorm", "rmcup"}) {
    const char* capability = tigetstr(name);
    if (capability != nullptr && capability != reinterpret_cast<char*>(-1))
      bytes += without_padding(capability);
  }
  return bytes;
}

// The looks of each Style. Where there is no colour, weight and reverse video still tell them
// apart.
std::array<attr_t, styles> plain_looks() {
  std::array<attr_t, styles> looks{};
  const auto set = [&](Style style, attr_t look) { looks[static_cast<size_t>(style)] = look; };
  set(Style::normal, A_NORMAL);
  set(Style::faint, A_DIM);
  set(Style::strong, A_BOLD);
  set(Style::heading, A_REVERSE);
  set(Style::sorted, A_REVERSE | A_BOLD);
  set(Style::selected, A_REVERSE);
  set(Style::good, A_NORMAL);
  set(Style::warn, A_BOLD);
  set(Style::bad, A_BOLD);
  set(Style::accent, A_NORMAL);
  return looks;
}

void add_colours(std::array<attr_t, styles>& looks) {
  if (!has_colors() || start_color() == ERR) return;
  use_default_colors();
  const bool many = COLORS >= 256;
  const auto set = [&](Style style, int ink, int paper, attr_t look) {
    const auto pair = static_cast<short>(static_cast<int>(style) + 1);
    init_pair(pair, static_cast<short>(ink), static_cast<short>(paper));
    looks[static_cast<size_t>(style)] = look | static_cast<attr_t>(COLOR_PAIR(pair));
  };
  if (many) set(Style::faint, 245, -1, A_NORMAL);  // A_DIM is hard to read on some terminals
  set(Style::good, COLOR_GREEN, -1, A_NORMAL);
  set(Style::warn, COLOR_YELLOW, -1, A_BOLD);
  set(Style::bad, COLOR_RED, -1, A_BOLD);
  set(Style::accent, COLOR_CYAN, -1, A_NORMAL);
  set(Style::heading, many ? 252 : COLOR_WHITE, many ? 238 : COLOR_BLUE, A_NORMAL);
  set(Style::sorted, many ? 231 : COLOR_WHITE, many ? 238 : COLOR_BLUE, A_BOLD);
  set(Style::selected, COLOR_BLACK, COLOR_CYAN, A_NORMAL);
}

Key named(Key::Name name) { return {name, 0}; }

Key function_key(wint_t code) {
  switch (code) {
    case KEY_UP:
      return named(Key::up);
    case KEY_DOWN:
      return named(Key::down);
    case KEY_LEFT:
      return named(Key::left);
    case KEY_RIGHT:
      return named(Key::right);
    case KEY_PPAGE:
      return named(Key::page_up);
    case KEY_NPAGE:
      return named(Key::page_down);
    case KEY_HOME:
      return named(Key::home);
    case KEY_END:
      return named(Key::end);
    case KEY_ENTER:
      return named(Key::enter);
    case KEY_BACKSPACE:
      return named(Key::backspace);
    case KEY_F0 + 1:
      return named(Key::help);
    case KEY_F0 + 5:
      return named(Key::refresh);
    default:
      return {Key::character, 0};  // known to nobody
  }
}

Key plain_key(wint_t code) {
  switch (code) {
    case '\r':
    case '\n':
      return named(Key::enter);
    case 27:
      return named(Key::escape);
    case 8:
    case 127:
      return named(Key::backspace);
    case 'L' - 64:
      return named(Key::refresh);
    default:
      return {Key::character, static_cast<char32_t>(code)};
  }
}

}  // namespace

struct Screen::Impl {
  explicit Impl(const ScreenOptions& options)
      : ascii(use_ascii(options.glyphs)), terminal(open_terminal()), looks(plain_looks()) {
    controls.delay_s = options.delay_s;
    controls.list.kernel_threads = options.kernel_threads;
    controls.list.order = options.order;
    if (options.colour) add_colours(looks);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, true);
    nodelay(stdscr, true);
    set_escdelay(25);  // ms; Esc alone must not seem stuck
    curs_set(0);
    TerminalRescue::arm(leaving());
    draw();
  }

  ~Impl() {
    endwin();
    delscreen(terminal);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void draw() {
    Canvas canvas(getmaxx(stdscr), getmaxy(stdscr), ascii);
    draw_page(canvas, frame, controls, clock);
    werase(stdscr);
    for (int y = 0; y < canvas.height(); ++y)
      for (const Canvas::Span& span : canvas.line(y)) {
        const std::string_view text = canvas.text(span);
        wattrset(stdscr, static_cast<int>(looks[static_cast<size_t>(span.style)]));
        mvwaddnstr(stdscr, y, span.x, text.data(), static_cast<int>(text.size()));
      }
    wattrset(stdscr, A_NORMAL);
    wrefresh(stdscr);  // ncurses sends only what has changed
  }

  TerminalRescue rescue;  // before the terminal's mode is changed
  bool ascii;
  SCREEN* terminal;
  std::array<attr_t, styles> looks;
  Controls controls;
  const model::Frame* frame = nullptr;
  std::string clock = time_of_day(realtime_ns());
};

Screen::Screen(const ScreenOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Screen::~Screen() = default;

void Screen::show(const model::Frame& frame) {
  impl_->frame = &frame;
  impl_->clock = time_of_day(realtime_ns());
  impl_->controls.refreshed(frame);
  impl_->draw();
}

void Screen::show(const model::Frame& frame, TimeBar bar) {
  impl_->frame = &frame;
  impl_->clock = bar.clock;
  impl_->controls.bar = std::move(bar);
  impl_->controls.refreshed(frame);
  impl_->draw();
}

std::vector<Action> Screen::keys_ready() {
  std::vector<Action> actions;
  wint_t code = 0;
  for (int kind = wget_wch(stdscr, &code); kind != ERR; kind = wget_wch(stdscr, &code)) {
    if (kind == KEY_CODE_YES && code == KEY_RESIZE) continue;
    const Key key = kind == KEY_CODE_YES ? function_key(code) : plain_key(code);
    if (key.name == Key::refresh) clearok(curscr, true);  // repairs what others wrote on it
    impl_->controls.press(key, impl_->frame, actions);
  }
  impl_->draw();
  return actions;
}

void Screen::resized() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
    resizeterm(size.ws_row, size.ws_col);
  impl_->draw();
}

void Screen::suspend() { endwin(); }

// The next drawing is the one that takes the terminal again, and it draws everything.
void Screen::resume() {
  if (!isendwin()) endwin();
  resized();
}

void Screen::say(std::string sentence) {
  impl_->controls.say(std::move(sentence));
  impl_->draw();
}

double Screen::delay_s() const { return impl_->controls.delay_s; }

bool Screen::paused() const { return impl_->controls.paused; }

void Screen::pause() {
  impl_->controls.paused = true;
  impl_->draw();
}

double Screen::speed() const { return impl_->controls.speed; }

uint64_t Screen::jump_ns() const { return impl_->controls.jump_ns; }

}  // namespace timeslice::view
