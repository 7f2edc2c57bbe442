// SPDX-License-Identifier: MIT
#include "view/report/loop_lanes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/report/lane_parts.h"

namespace timeslice::view {

namespace {

constexpr size_t kRows = 3;       // of functions below a lane
constexpr size_t kMostName = 48;  // cells, of a function and its file each
constexpr double kFew = 0.05;     // of a cell: less is as good as nothing

// As a thread's by reason, where these mean the same.
constexpr int kBlocked = 166, kStarved = 214, kBusy = 32;

struct Sign {
  const char *text, *ascii;
  int colour;
};
constexpr Sign kIdleSign{" ", " ", -1}, kFewSign{"·", ".", -1}, kBusySign{"-", "-", kBusy},
    kUnknownSign{"?", "?", -1}, kStarvedSign{"░", "w", kStarved},
    kPartlyBlockedSign{"▄", "b", kBlocked}, kBlockedSign{"█", "B", kBlocked};

// A block is shown however much else there was in the cell, unless it waited for a CPU for most of
// that time.
const Sign& sign_of(const model::LoopLanes::Part& part, double cell_ns) {
  const auto share = [&](uint64_t ns) { return static_cast<double>(ns) / cell_ns; };
  const uint64_t active = part.blocked_ns + part.starved_ns + part.busy_ns + part.unknown_ns;
  if (active == 0) return kIdleSign;
  if (share(active) < kFew) return kFewSign;
  const uint64_t running = part.busy_ns + part.unknown_ns;
  if (part.starved_ns > part.blocked_ns && part.starved_ns > running) return kStarvedSign;
  if (share(part.blocked_ns) >= 0.5) return kBlockedSign;
  if (share(part.blocked_ns) >= kFew) return kPartlyBlockedSign;
  return part.unknown_ns > part.busy_ns ? kUnknownSign : kBusySign;
}

// What is known of one function's blocks in the window.
struct Blocked {
  uint64_t count = 0, longest_ns = 0, sum_ns = 0;
  uint32_t cell = 0;  // where its longest begins
};

class LoopLane {
 public:
  LoopLane(std::string& out, const model::LoopLanes& lanes, size_t loop, const LaneOptions& options)
      : out_(out),
        track_(lanes.loops()[loop]),
        parts_(lanes.parts()[loop]),
        cells_(lanes.cells()),
        options_(options) {}

  void write() {
    append_label();
    Painter paint(out_, options_.colour != LaneColour::none);
    for (const model::LoopLanes::Part& part : parts_) {
      const Sign& sign = sign_of(part, cells_.cell_ns());
      paint.set(sign.colour);
      out_ += options_.ascii ? sign.ascii : sign.text;
    }
    paint.set(-1);
    end_line();
    write_functions();
  }

 private:
  void append_label() {
    Scratch scratch;
    const std::string name = track_.name();
    std::string label = fmt::format(
        "loop {}/{}", name.empty() ? "" : clipped(printable(name, scratch), 12), track_.tid);
    const size_t width = display_width(label);
    out_ += label + std::string(kLabel - std::min<size_t>(kLabel, width), ' ');
  }

  void end_line() {
    while (out_.back() == ' ') out_.pop_back();
    out_ += '\n';
  }

  [[nodiscard]] static std::string function_of(const model::LoopBlock& block) {
    const auto function = block.profile.function();
    if (!function) return "unknown function";
    Scratch scratch;
    const model::StackFrame& frame = function->frame;
    std::string text(clipped(
        printable(frame.function.empty() ? "(anonymous)" : frame.function, scratch), kMostName));
    if (frame.file.empty()) return text;
    const std::string file = frame.file.substr(frame.file.find_last_of('/') + 1);
    text.append(" (").append(clipped(printable(file, scratch), kMostName));
    if (frame.line > 0) text += ':' + std::to_string(frame.line);
    return text + ')';
  }

  // By function; where a block begins before the window, from the first cell on.
  [[nodiscard]] std::map<std::string, Blocked> blocked() const {
    std::map<std::string, Blocked> functions;
    for (const model::LoopBlock& block : track_.blocks) {
      std::optional<uint32_t> first;
      cells_.spread(block.start_ns, block.start_ns + block.duration_ns,
                    [&](uint32_t cell, uint64_t) { first = first.value_or(cell); });
      if (!first) continue;
      Blocked& one = functions[function_of(block)];
      ++one.count;
      one.sum_ns += block.duration_ns;
      if (block.duration_ns <= one.longest_ns) continue;
      one.longest_ns = block.duration_ns;
      one.cell = *first;
    }
    return functions;
  }

  // The costliest first; what finds no room is counted.
  void write_functions() {
    std::vector<std::pair<std::string, Blocked>> functions;
    for (auto& [name, one] : blocked()) functions.emplace_back(name, one);
    std::stable_sort(functions.begin(), functions.end(), [](const auto& one, const auto& other) {
      return one.second.sum_ns > other.second.sum_ns;
    });
    size_t left_out = 0;
    for (const auto& [name, one] : functions) left_out += !place(name, one);
    for (const std::vector<Placed>& row : rows_) write_row(row);
    if (left_out)
      out_ += std::string(kLabel, ' ') + "and " +
              counted(left_out, "more function", "more functions") +
              ": timeslice report --by loop\n";
  }

  struct Placed {
    uint32_t cell;
    uint32_t width;
    std::string text;
  };

  // Where its longest block begins: to the right of that, or to the left; in few words, if many
  // have no room; and if those have none, anywhere.
  bool place(const std::string& name, const Blocked& one) {
    const std::string time = duration(static_cast<double>(one.longest_ns));
    const std::string times =
        one.count > 1 ? fmt::format(", {} times, up to {}", grouped(one.count), time) : ", " + time;
    const char* const right = options_.ascii ? "^ " : "└ ";
    const char* const left = options_.ascii ? " ^" : " ┘";
    for (const std::string& text : {name + times, fmt::format("{}, {}", name, time)}) {
      const auto width = static_cast<uint32_t>(display_width(text)) + 2;
      if (put({one.cell, width, fmt::format("{}{}", right, text)})) return true;
      if (width <= one.cell + 1 &&
          put({one.cell + 1 - width, width, fmt::format("{}{}", text, left)}))
        return true;
    }
    const auto width = static_cast<uint32_t>(display_width(name + times));
    return width <= cells_.count() && put({cells_.count() - width, width, name + times});
  }

  // In the first row that has room for it.
  bool put(Placed placed) {
    if (placed.cell + placed.width > cells_.count()) return false;
    const auto overlaps = [&](const Placed& other) {
      return placed.cell <= other.cell + other.width && other.cell <= placed.cell + placed.width;
    };
    auto row = rows_.begin();
    while (row != rows_.end() && std::any_of(row->begin(), row->end(), overlaps)) ++row;
    if (row == rows_.end()) {
      if (rows_.size() == kRows) return false;
      row = rows_.emplace(row);
    }
    row->push_back(std::move(placed));
    return true;
  }

  void write_row(std::vector<Placed> row) {
    std::sort(row.begin(), row.end(),
              [](const Placed& one, const Placed& other) { return one.cell < other.cell; });
    out_ += std::string(kLabel, ' ');
    uint32_t at = 0;
    for (const Placed& placed : row) {
      out_ += std::string(placed.cell - at, ' ') + placed.text;
      at = placed.cell + placed.width;
    }
    out_ += '\n';
  }

  std::string& out_;
  const model::LoopTrack& track_;
  const std::vector<model::LoopLanes::Part>& parts_;
  const model::Cells& cells_;
  const LaneOptions& options_;
  std::vector<std::vector<Placed>> rows_;
};

}  // namespace

void append_loop_lanes(std::string& out, const model::LoopLanes& lanes,
                       const LaneOptions& options) {
  const size_t loops = lanes.loops().size();
  const size_t shown = lanes.parts().size();
  for (size_t i = 0; i < shown; ++i) LoopLane(out, lanes, i, options).write();
  if (shown < loops) out += counted(loops - shown, "more event loop", "more event loops") + "\n";
  if (loops > 0) out += "\n";
}

void append_loop_legend(std::string& out, bool ascii) {
  out += ascii ? "loop: B blocked, b for part of the cell, w waiting for a CPU, - short turns,\n"
                 "      . hardly busy, ? not watched yet; below: what blocked it\n"
               : "loop: █ blocked, ▄ for part of the cell, ░ waiting for a CPU, - short turns,\n"
                 "      · hardly busy, ? not watched yet; below: what blocked it\n";
}

}  // namespace timeslice::view
