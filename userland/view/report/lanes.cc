// SPDX-License-Identifier: MIT
#include "view/report/lanes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/format/wrapped.h"
#include "view/report/lane_parts.h"
#include "view/report/loop_lanes.h"
#include "view/report/report.h"
#include "view/report/ring_lanes.h"

namespace timeslice::view {

namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// Eight that colour-blind people can tell apart (Okabe and Ito, 2008), as the terminal's 256 have
// them; letters tell the rest.
constexpr int kColours[] = {32, 214, 36, 227, 38, 166, 175, 247};

// How a core was left, by reason.
constexpr int kSlept = 32, kDisk = 175, kMadeTo = 166, kCut = 247;

int reason_colour(const model::Lanes::Share& share) {
  if (share.cut) return kCut;
  if (share.leaving == TS_LEAVING_DEEP_SLEEP) return kDisk;
  return share.voluntary ? kSlept : kMadeTo;
}

class LaneText {
 public:
  LaneText(std::string& out, const model::Report& report, const model::Lanes& lanes,
           const LaneOptions& options)
      : out_(out), report_(report), lanes_(lanes), options_(options) {
    for (const model::ReportRow& row : report.rows) {
      if (shown_.size() == options.threads || !row.active()) break;
      const auto index = static_cast<uint32_t>(row.thread - report.history->threads().data());
      number_[index] = shown_.size();
      shown_.push_back({index, &row});
    }
  }

  void write() {
    if (options_.heading) head();
    axis();
    if (options_.loops) append_loop_lanes(out_, *options_.loops, options_);
    if (options_.rings) append_ring_lanes(out_, *options_.rings, options_);
    for (const model::HistoryCore& core : report_.history->cores()) core_lane(core.cpu);
    out_ += "\n";
    for (const auto& [index, row] : shown_) thread_lane(index, *row);
    axis();
    legend();
    append_wrapped(out_, "", recording_trust_line(report_.trust), options_.width);
  }

 private:
  void head() {
    const model::HistoryInfo& info = report_.history->info();
    Scratch scratch;
    fmt::format_to(std::back_inserter(out_), "timeslice lanes: {:.6f} s of {}; one cell is {}\n",
                   static_cast<double>(info.end_ns - info.begin_ns) / 1e9,
                   info.asked.empty() ? "the machine" : printable(info.asked, scratch),
                   duration(lanes_.cell_ns()));
  }

  void axis() {
    constexpr uint32_t step = 20;
    out_ += std::string(kLabel, ' ');
    for (uint32_t cell = 0; cell < lanes_.cells(); cell += step) {
      const std::string time = duration(cell * lanes_.cell_ns());
      if (cell + time.size() >= lanes_.cells()) break;
      const bool last = cell + step + 8 >= lanes_.cells();
      out_ += (options_.ascii ? "|" : "╷") + time;
      if (!last) out_ += std::string(step - 1 - time.size(), ' ');
    }
    while (out_.back() == ' ') out_.pop_back();
    out_ += "\n";
  }

  [[nodiscard]] int thread_colour(uint32_t index) const {
    const auto found = number_.find(index);
    return found == number_.end() ? -1 : kColours[found->second % std::size(kColours)];
  }

  [[nodiscard]] char letter(uint32_t index) const {
    const auto found = number_.find(index);
    return found == number_.end() || found->second >= kLetters.size() ? '+'
                                                                      : kLetters[found->second];
  }

  // The letter of the thread that had most of the cell; a dot where the CPU was mostly idle.
  void core_lane(uint32_t cpu) {
    fmt::format_to(std::back_inserter(out_), "{:<{}}", fmt::format("CPU {}", cpu), kLabel);
    Painter paint(out_, options_.colour != LaneColour::none);
    for (uint32_t cell = 0; cell < lanes_.cells(); ++cell) {
      const model::Lanes::Share* most = nullptr;
      uint64_t busy = 0;
      if (cpu < lanes_.cores().size() && cell < lanes_.cores()[cpu].size())
        for (const model::Lanes::Share& share : lanes_.cores()[cpu][cell]) {
          busy += share.ns;
          if (!most || share.ns > most->ns) most = &share;
        }
      if (!most || static_cast<double>(busy) * 20 < lanes_.cell_ns()) {
        paint.set(-1);
        out_ += busy ? (options_.ascii ? "." : "·") : " ";
        continue;
      }
      paint.set(options_.colour == LaneColour::reason ? reason_colour(*most)
                                                      : thread_colour(most->thread));
      out_ += letter(most->thread);
    }
    paint.set(-1);
    out_ += "\n";
  }

  void thread_lane(uint32_t index, const model::ReportRow& row) {
    Scratch scratch;
    const std::string name =
        fmt::format("{} {}/{}", letter(index),
                    row.name.empty() ? "(no name)" : clipped(printable(row.name, scratch), 14),
                    row.thread->tid);
    out_ += name + std::string(kLabel - std::min<size_t>(kLabel, display_width(name)), ' ');
    Painter paint(out_, options_.colour != LaneColour::none);
    const std::vector<model::Lanes::Part> none;
    const auto& parts = index < lanes_.threads().size() ? lanes_.threads()[index] : none;
    auto part = parts.begin();
    for (uint32_t cell = 0; cell < lanes_.cells(); ++cell) {
      const bool here = part != parts.end() && part->cell == cell;
      cell_of_thread(paint, index, here ? &*part : nullptr);
      if (here) ++part;
    }
    paint.set(-1);
    out_ += "\n";
  }

  // Running: how much of the cell; waiting, where that is more.
  void cell_of_thread(Painter& paint, uint32_t index, const model::Lanes::Part* part) {
    static constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    if (!part || part->oncpu_ns + part->ready_ns == 0) {
      paint.set(-1);
      out_ += " ";
      return;
    }
    if (part->ready_ns > part->oncpu_ns) {
      paint.set(options_.colour == LaneColour::reason ? kMadeTo : thread_colour(index));
      out_ += options_.ascii ? "w" : "░";
      return;
    }
    const double share = static_cast<double>(part->oncpu_ns) / lanes_.cell_ns();
    const auto level = std::min<size_t>(static_cast<size_t>(share * 8), 7);
    paint.set(options_.colour == LaneColour::reason ? kSlept : thread_colour(index));
    out_ += options_.ascii ? (level >= 4 ? "#" : "-") : kBlocks[level];
  }

  void legend() {
    if (options_.loops) append_loop_legend(out_, options_.ascii);
    if (options_.rings) append_ring_legend(out_, options_.ascii);
    append_wrapped(out_, "",
                   options_.ascii
                       ? "CPU: the cell's busiest thread, . mostly idle, + another thread; "
                         "thread: # running, - running a little, w waiting for a CPU"
                       : "CPU: the cell's busiest thread, · mostly idle, + another thread; "
                         "thread: ▁ to █ running, ░ waiting for a CPU",
                   options_.width);
    if (options_.colour == LaneColour::reason) {
      Painter paint(out_, true);
      const std::pair<int, const char*> reasons[] = {{kSlept, "voluntary "},
                                                     {kDisk, "uninterruptible sleep "},
                                                     {kMadeTo, "involuntary, or waiting "},
                                                     {kCut, "cut by the window's edge"}};
      for (const auto& [colour, text] : reasons) {
        paint.set(colour);
        out_ += text;
      }
      paint.set(-1);
      out_ += "\n";
    }
  }

  std::string& out_;
  const model::Report& report_;
  const model::Lanes& lanes_;
  const LaneOptions& options_;
  std::vector<std::pair<uint32_t, const model::ReportRow*>> shown_;
  std::map<uint32_t, size_t> number_;  // of a shown thread, from 0
};

}  // namespace

uint32_t lane_cells(uint32_t width) { return width > kLabel + 10 ? width - kLabel : 10; }

void append_lanes(std::string& out, const model::Report& report, const model::Lanes& lanes,
                  const LaneOptions& options) {
  LaneText(out, report, lanes, options).write();
}

}  // namespace timeslice::view
