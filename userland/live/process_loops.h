// SPDX-License-Identifier: MIT
// What is watched of one process? Its loops, which come and go with its threads, the pool that they
// share, and, of a loop that is blocked, its stack. Everything here is done by the thread that
// looks.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpf/look.h"
#include "live/js_sampler.h"
#include "live/loop_finder.h"
#include "live/loop_watch_options.h"
#include "live/phase_places.h"
#include "live/published_finder.h"
#include "model/loop_frame.h"
#include "observe/target_memory.h"
#include "observe/thread_looks.h"
#include "observe/turn_probes.h"
#include "runtime/published_loops.h"
#include "runtime/uv_loop.h"
#include "runtime/uv_pool.h"

namespace timeslice::live {

// What a loop says of itself.
struct LoopWords {
  std::optional<uint64_t> turns;
  uint64_t entry_ns = 0, idle_ns = 0, time_ns = 0;       // as runtime/uv_loop.h has them
  uint64_t fields = 0;                                   // of libuv's, where it keeps these
  std::optional<runtime::PublishedLoopState> published;  // of ours
};

class ProcessLoops {
 public:
  ProcessLoops(uint32_t tgid, const LoopWatchOptions& options);

  // From time to time: threads have come or gone, or the process runs another program by now.
  void search(observe::ThreadLooks& looks, uint64_t now_ns);
  // The threads that it wants to be looked at.
  void add_tids(std::vector<uint32_t>& tids);
  // `looks`: of the threads that add_tids() has added, taken after `since_ns`, CLOCK_MONOTONIC.
  // Returns those of others behind them.
  std::span<const ts_look> add(std::span<const ts_look> looks, uint64_t since_ns);
  // The loops that take() shows.
  void add_shown(std::vector<observe::TurnLoop>& loops) const;
  // Null: not wanted, or it has no libuv. Another one where it runs another program.
  [[nodiscard]] std::shared_ptr<const PhasePlaces> phases() const { return phases_; }
  // The figures since the last call.
  void take(model::LoopFrame& seen);

  [[nodiscard]] uint32_t tgid() const { return tgid_; }
  [[nodiscard]] bool gone() const { return gone_; }
  // It has our own loop, whether or not one runs.
  [[nodiscard]] bool publishes() const { return published_->has_table(); }

 private:
  struct Tracked {
    FoundLoop found;
    model::LoopTurns turns;
    model::ActivityLooks activity{};
    uint64_t sampled_ns = 0;
    uint64_t looks = 0;  // at which it might have kept times, but hadn't
    bool is_looked_at = false;
    ts_look last{};                  // of its thread
    std::optional<LoopWords> words;  // read after that
  };

  struct Worker {
    ts_look last;
    uint64_t at_ns;  // of that look; 0: the one that comes follows none
  };

  void begin_anew(uint64_t now_ns);
  void sort();
  void add_published(std::span<const ts_look> threads);
  std::optional<LoopWords> words_of(const Tracked& loop);
  [[nodiscard]] bool is_still_there(const FoundLoop& loop);
  [[nodiscard]] bool keeps_times() const;
  [[nodiscard]] bool is_shown(const Tracked& loop) const;
  [[nodiscard]] bool can_name() const { return sampler_ && sampler_->refusal().empty(); }
  model::ActivityLook activity_of(const model::LoopLook& joined, const ts_look& look);
  [[nodiscard]] bool is_time_for_sample(const Tracked& loop, const model::LoopLook& joined) const;
  void take_sample(Tracked& loop, const model::ActivityLook& activity, const ts_look& look,
                   uint64_t now_ns);
  std::optional<model::StackSample> sample_of(const Tracked& loop, const ts_look& look,
                                              uint64_t now_ns);
  void find_workers(std::span<const ts_look> threads);
  void look_at_pool(bool all_slept);
  void look_at_worker(Worker& worker, const ts_look& look, uint64_t now_ns);
  void look_at_published_pools();
  void take_pool(model::LoopFrame& seen);
  void add_jobs(model::PoolFigures& figures);

  uint32_t tgid_;
  LoopWatchOptions options_;
  observe::TargetMemory memory_;
  std::unique_ptr<LoopFinder> finder_;
  std::unique_ptr<PublishedFinder> published_;
  // Made before there is something to name: it takes longer than a short block. Null: no libuv.
  std::unique_ptr<JsSampler> sampler_;
  bool wants_names_ = false;  // there was something
  std::optional<runtime::UvPoolPlaces> pool_places_;
  std::optional<runtime::UvPoolCounts> pool_now_;  // at the last look
  std::vector<Worker> workers_;                    // the pool's threads
  size_t workers_asked_ = 0;                       // of them, for the look that comes
  std::shared_ptr<const PhasePlaces> phases_;
  model::PoolLooks pool_;
  std::vector<Tracked> loops_;
  std::string command_;
  uint64_t next_search_ns_ = 0, next_beginning_ns_ = 0;
  uint64_t dropped_ = 0;  // samples in doubt since the last take()
  bool gone_ = false;
};

}  // namespace timeslice::live
