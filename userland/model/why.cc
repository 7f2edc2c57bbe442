// SPDX-License-Identifier: MIT
#include "model/why.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace timeslice::model {

namespace {

// What is worth telling, as shares of the time. A healthy process stays below them.
constexpr double kBusy = 0.85;   // utilisation
constexpr double kWaits = 0.10;  // for a CPU...
constexpr double kWaitsToCompute =
    0.05;  // ...or so much, where it computes for no longer than that
constexpr double kPoolFull = 0.10;
constexpr double kCollects = 0.10;
constexpr double kSleepsInCalls = 0.05;
constexpr double kPoolSleeps = 0.25;  // threads of the pool in calls of their jobs, on average
constexpr double kPeerWaits = 0.25;   // of the time, for a peer...
constexpr uint64_t kSlowAnswer = 50'000'000;   // ns; ...whose answers take that on average
constexpr uint64_t kLongPoll = 5'000'000'000;  // ns; who waits so long may just be waiting for news
constexpr double kCompetes = 0.10;             // on a CPU or waiting for one

// By the kernel's count, or the loop's own. What follows from samples is less sure.
constexpr double kMeasured = 0.95;

template <typename Part, typename Whole>
double ratio(Part part, Whole whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// Laplace's rule of succession.
double confidence(uint64_t agree, uint64_t of) {
  return (static_cast<double>(agree) + 1) / (static_cast<double>(of) + 2);
}
double confidence(const std::optional<BlockFunction>& function) {
  return function ? confidence(function->samples, function->of) : 0.5;
}

uint64_t collected(const LoopBlock& block) {
  return static_cast<uint64_t>(block.profile.gc_share() *
                               static_cast<double>(block.duration_ns - block.split.wait));
}

// On a CPU, and not for the garbage collector.
uint64_t own_work(const LoopBlock& block) {
  return static_cast<uint64_t>(static_cast<double>(block.split.oncpu) *
                               (1 - block.profile.gc_share()));
}

class Causes {
 public:
  Causes(const WatchedProcess& process, uint64_t block_ns)
      : process_(process), block_ns_(block_ns) {}

  std::vector<Cause> find() {
    for (const WatchedLoop& loop : process_.loops) {
      const double blocked = add_blocks(loop);
      add_busy(loop, blocked);
      add_waits(loop);
      add_garbage(loop);
      add_calls(loop);
    }
    if (process_.pool) add_pool(*process_.pool);
    if (!process_.loops.empty()) add_peers();
    std::stable_sort(causes_.begin(), causes_.end(),
                     [](const Cause& one, const Cause& other) { return one.share > other.share; });
    if (causes_.empty() && !process_.loops.empty()) add_idle();
    return std::move(causes_);
  }

 private:
  void add(const WatchedLoop& loop, double share, double sure, Finding finding) {
    causes_.push_back({std::min(share, 1.0), sure, loop.tid, loop.is_main, std::move(finding)});
  }
  void add(double share, double sure, Finding finding) {
    causes_.push_back({std::min(share, 1.0), sure, 0, true, std::move(finding)});
  }

  // Turns that would be blocks without what others did to them. Returns their share of the time.
  double add_blocks(const WatchedLoop& loop) {
    BlockedLoop found;
    BlockProfile profile;
    for (const LoopBlock& block : loop.figures.blocks) {
      const uint64_t own = own_work(block);
      if (own < block_ns_) continue;
      ++found.blocks;
      found.blocked_ns += own;
      found.longest_ns = std::max(found.longest_ns, own);
      found.goes_on |= !block.ended;
      profile.add(block.profile);
    }
    if (found.blocks == 0) return 0;
    found.phase = profile.phase();
    found.functions = profile.functions();
    const double share = ratio(found.blocked_ns, loop.figures.interval_ns);
    add(loop, share, confidence(profile.function()), std::move(found));
    return share;
  }

  // Of what lies beyond blocks, most has to be its own work.
  void add_busy(const WatchedLoop& loop, double blocked) {
    const LoopFigures& figures = loop.figures;
    const double utilisation = figures.utilisation();
    const double work = ratio(figures.active.oncpu, figures.interval_ns) - blocked -
                        loop.activity.gc_ratio().value_or(0);
    if (utilisation < kBusy || work < kBusy / 2) return;
    const auto function = loop.activity.profile.function();
    add(loop, work, kMeasured,
        BusyLoop{utilisation, figures.longest_turn_ns, blocked > 0, function});
  }

  void add_waits(const WatchedLoop& loop) {
    const LoopFigures& figures = loop.figures;
    const uint64_t waited = figures.active.wait + figures.idle_ready_ns;
    const double share = ratio(waited, figures.interval_ns);
    if (share < kWaits && (share < kWaitsToCompute || waited < figures.active.oncpu)) return;
    const double competitors = share_of_competitors(loop.activity);
    const double among_them = share * competitors;
    if (among_them >= kWaitsToCompute) {
      const auto ns = static_cast<uint64_t>(static_cast<double>(waited) * competitors);
      add(loop, among_them, confidence(competing_looks(loop.activity), loop.activity.rival_looks),
          TooManyWorkers{workers(), cpus(), ns});
    }
    const double by_others = share - among_them;
    if (by_others < kWaitsToCompute) return;
    Starved starved;
    starved.waited_ns = static_cast<uint64_t>(static_cast<double>(waited) * (1 - competitors));
    for (const CountedRival& counted : loop.activity.rivals)
      if (!competes(counted.rival)) add_rival(starved.by, counted, loop.activity.rival_looks);
    std::stable_sort(starved.by.begin(), starved.by.end(),
                     [](const auto& one, const auto& other) { return one.share > other.share; });
    starved.limits = process_.limits;
    add(loop, by_others, kMeasured, std::move(starved));
  }

  // Processes of one name are told as one.
  void add_rival(std::vector<StarvedBy>& by, const CountedRival& counted, uint32_t looks) const {
    const bool is_own = counted.rival.tgid == process_.tgid;
    auto same = std::find_if(by.begin(), by.end(), [&](const StarvedBy& one) {
      return one.is_own == is_own && (is_own || one.rival.comm == counted.rival.comm);
    });
    if (same == by.end()) same = by.insert(by.end(), {counted.rival, is_own, 0, 0});
    ++same->processes;
    same->share += ratio(counted.looks, looks);
  }

  // Others of its cluster, or loops of its own process, where there are more than CPUs for them.
  [[nodiscard]] bool competes(const Rival& rival) const {
    if (workers() <= cpus() || rival.tgid == 0) return false;
    return rival.tgid == process_.tgid ||
           std::find(process_.cluster.begin(), process_.cluster.end(), rival.tgid) !=
               process_.cluster.end();
  }
  [[nodiscard]] uint32_t competing_looks(const LoopActivity& activity) const {
    uint32_t looks = 0;
    for (const CountedRival& counted : activity.rivals)
      if (competes(counted.rival)) looks += counted.looks;
    return looks;
  }
  [[nodiscard]] double share_of_competitors(const LoopActivity& activity) const {
    return ratio(competing_looks(activity), activity.rival_looks);
  }
  [[nodiscard]] uint32_t workers() const {
    const auto loops =
        std::count_if(process_.loops.begin(), process_.loops.end(), [](const WatchedLoop& loop) {
          const LoopFigures& figures = loop.figures;
          return ratio(figures.active.oncpu + figures.active.wait + figures.idle_ready_ns,
                       figures.interval_ns) >= kCompetes;
        });
    return std::max(static_cast<uint32_t>(loops), static_cast<uint32_t>(process_.cluster.size()));
  }
  // Where it isn't known, there are enough.
  [[nodiscard]] double cpus() const {
    const double cpus = process_.limits.cpus ? process_.limits.cpus : UINT32_MAX;
    return std::min(cpus, process_.limits.quota.value_or(cpus));
  }

  void add_garbage(const WatchedLoop& loop) {
    const LoopActivity& activity = loop.activity;
    const double collects =
        ratio(activity.vm.garbage_collector - activity.collector_waits, activity.vm_looks);
    const auto& blocks = loop.figures.blocks;
    const bool is_block = std::any_of(blocks.begin(), blocks.end(), [&](const LoopBlock& block) {
      return collected(block) >= block_ns_;
    });
    if (collects < kCollects && !is_block) return;
    add(loop, collects, confidence(activity.vm_looks, activity.vm_looks),
        GarbageCollection{collects, activity.collecting.function()});
  }

  // Sleep in the collector, which waits for its helpers, is no call's.
  void add_calls(const WatchedLoop& loop) {
    uint32_t looks = 0;
    for (const CountedCall& call : loop.activity.calls) looks += call.looks;
    const double of_calls = ratio(looks, looks + loop.activity.collector_sleeps);
    const auto asleep =
        static_cast<uint64_t>(static_cast<double>(loop.figures.active.asleep) * of_calls);
    const double share = ratio(asleep, loop.figures.interval_ns);
    const auto& blocks = loop.figures.blocks;
    const bool is_block = std::any_of(blocks.begin(), blocks.end(), [&](const LoopBlock& block) {
      return static_cast<double>(block.split.asleep) * of_calls >= static_cast<double>(block_ns_);
    });
    if (share < kSleepsInCalls && !is_block) return;
    const auto function = loop.activity.sleeping.function();
    add(loop, share, confidence(function), BlockingCalls{asleep, loop.activity.calls, function});
  }

  void add_pool(const PoolFigures& pool) {
    const double full = ratio(pool.full_looks, pool.looks);
    if (full >= kPoolFull) {
      add(full, confidence(pool.looks, pool.looks), PoolFull{pool});
      return;
    }
    const double share = ratio(pool.work.time.asleep, pool.work.time.sum());
    const auto asleep = static_cast<uint64_t>(share * pool.work.looks);
    if (pool.busy * share >= kPoolSleeps)
      add(pool.busy * share, confidence(asleep, pool.work.looks), SlowIo{{}, pool.work, pool.busy});
  }

  // Waits that last through all of the window are for news, not for an answer.
  void add_peers() {
    SlowIo slow;
    for (const PeerFigures& peer : process_.peers) {
      if (peer.accepted) continue;
      SlowPeer one{peer.end, peer.answers, peer.connections,
                   std::min(ratio(peer.covered_ns, process_.watched_ns), 1.0)};
      if (one.waits.finished == 0) one.waits = peer.connects;
      if (one.share < kPeerWaits || one.mean_ns() < kSlowAnswer) continue;
      slow.peers.push_back(one);
    }
    if (slow.peers.empty()) return;
    std::stable_sort(slow.peers.begin(), slow.peers.end(),
                     [](const auto& one, const auto& other) { return one.share > other.share; });
    const SlowPeer& first = slow.peers.front();
    const double share = first.share;
    const double sure = confidence(first.waits.finished, first.waits.finished) *
                        (first.mean_ns() < kLongPoll ? 1 : 0.5);
    add(share, sure, std::move(slow));
  }

  void add_idle() {
    Idle idle;
    idle.loops = process_.loops.size();
    for (const WatchedLoop& loop : process_.loops) {
      const LoopFigures& figures = loop.figures;
      idle.utilisation = std::max(idle.utilisation, figures.utilisation());
      idle.longest_turn_ns = std::max(idle.longest_turn_ns, figures.longest_turn_ns);
      idle.delay_p99_ns = std::max(idle.delay_p99_ns, figures.delay_p99_ns);
    }
    add(1 - idle.utilisation, kMeasured, idle);
  }

  const WatchedProcess& process_;
  uint64_t block_ns_;
  std::vector<Cause> causes_;
};

}  // namespace

const char* cause_word(const Finding& finding) {
  constexpr std::array kWords = {"blocked_loop",     "busy_loop", "starved",
                                 "too_many_workers", "pool_full", "gc",
                                 "blocking_calls",   "slow_io",   "idle"};
  static_assert(kWords.size() == std::variant_size_v<Finding>);
  return kWords.at(finding.index());
}

std::vector<Cause> causes_of(const WatchedProcess& process, uint64_t block_ns) {
  return Causes(process, block_ns).find();
}

}  // namespace timeslice::model
