// SPDX-License-Identifier: MIT
// In which function was a loop while it was blocked? By samples of its stack, some fifty a second.
// The one to look at is the innermost that is the program's own: what it called of the runtime is
// told by the stack.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "model/vm_looks.h"

namespace timeslice::model {

struct StackFrame {
  std::string function;      // empty: it has no name
  std::string file;          // empty: it is the runtime's own
  int line = 0, column = 0;  // from 1; 0: not known
  bool exact = false;        // else the line is about that
  bool evaluated = false;    // it is of a text that was evaluated there (eval, new Function)

  bool operator==(const StackFrame&) const = default;
};

struct StackSample {
  std::vector<StackFrame> frames;  // the innermost first; empty: it was in no function
  std::string phase;  // what called the outermost: "timers", "check", "poll" …; empty: not known
  VmState vm = VmState::unknown;
  std::vector<std::string> requests;  // that it may be serving, where that was asked
};

// HTTP requests that samples were serving, as "GET /path".
struct ServedRequests {
  std::set<std::string> all;
  bool doubtful = false;  // a sample led to several, and nobody knows which one it was

  void add(const ServedRequests& other);
};

struct BlockFunction {
  StackFrame frame;               // at the line that most of its samples had
  double share = 0;               // of the samples that had any function
  uint32_t samples = 0, of = 0;   // in it, and those that had any function
  std::vector<StackFrame> stack;  // of the first of its samples, the innermost first
  ServedRequests requests;        // of all of its samples; none where nobody asked

  // What it called then; null: nothing.
  [[nodiscard]] const StackFrame* called() const {
    const bool is_itself = stack.empty() || (stack.front().function == frame.function &&
                                             stack.front().file == frame.file);
    return is_itself ? nullptr : &stack.front();
  }
};

// What can be kept of a profile, as in a file: sums, and its functions, most samples first.
struct KeptProfile {
  uint32_t samples = 0, dropped = 0;
  uint32_t named = 0;  // of the samples: that had any function
  VmLooks vm;          // of the samples: in a state that V8 told
  std::string phase;   // that most had
  std::vector<BlockFunction> functions;
};

class BlockProfile {
 public:
  BlockProfile() = default;
  // Whose figures are those that were kept, except what its less frequent lines were.
  explicit BlockProfile(const KeptProfile& kept);
  [[nodiscard]] KeptProfile kept(size_t most_functions) const;

  void add(const StackSample& sample);
  void add(const BlockProfile& other);
  void drop() { ++dropped_; }  // a sample that was in doubt

  [[nodiscard]] uint32_t samples() const { return samples_; }
  [[nodiscard]] uint32_t dropped() const { return dropped_; }
  [[nodiscard]] const VmLooks& vm() const { return vm_; }
  // Of the samples; 0 where there is none.
  [[nodiscard]] double share_of(uint32_t samples) const {
    return samples_ ? 1.0 * samples / samples_ : 0;
  }
  [[nodiscard]] double gc_share() const { return share_of(vm_.garbage_collector); }
  // Most samples first; empty where none had any.
  [[nodiscard]] std::vector<BlockFunction> functions() const;
  [[nodiscard]] std::optional<BlockFunction> function() const;  // the first of them
  // That most samples had; empty: none had any.
  [[nodiscard]] std::string phase() const;

 private:
  struct Line {
    int line, column;
    bool exact;
    bool operator<(const Line& other) const {
      return std::tie(line, column, exact) < std::tie(other.line, other.column, other.exact);
    }
  };
  struct Seen {
    uint32_t samples = 0;
    std::map<Line, uint32_t> lines;
    std::vector<StackFrame> stack;
    ServedRequests requests;
  };

  using Name = std::tuple<std::string, std::string, bool>;  // file, and whether it is evaluated

  [[nodiscard]] BlockFunction described(const Name& name, const Seen& seen) const;

  std::map<Name, Seen> functions_;
  std::map<std::string, uint32_t> phases_;
  uint32_t samples_ = 0, named_ = 0, dropped_ = 0;
  VmLooks vm_;
};

// The innermost frame that is the program's own; else the innermost in a file; else the innermost.
// Null where there is none.
[[nodiscard]] const StackFrame* own_frame(const std::vector<StackFrame>& frames);

}  // namespace timeslice::model
