// SPDX-License-Identifier: MIT
#include "live/why_watch.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "observe/cluster_workers.h"
#include "observe/targets.h"

namespace timeslice::live {

namespace {

std::vector<uint32_t> with_clusters(std::vector<uint32_t> tgids) {
  for (size_t i = 0, named = tgids.size(); i < named; ++i)
    for (const uint32_t worker : observe::cluster_workers(tgids[i])) tgids.push_back(worker);
  std::sort(tgids.begin(), tgids.end());
  tgids.erase(std::unique(tgids.begin(), tgids.end()), tgids.end());
  return tgids;
}

}  // namespace

WhyWatch::WhyWatch(const std::vector<uint32_t>& tgids, uint64_t block_ns, bool requests)
    : tgids_(with_clusters(tgids)), loops_(tgids_, {block_ns, true, requests}) {
  find_clusters();
  for (const uint32_t tgid : tgids_) limits_[tgid] = observe::cpu_limits(tgid);
}

void WhyWatch::find_clusters() {
  for (const uint32_t tgid : tgids_) {
    if (clusters_.contains(tgid)) continue;
    const std::vector<uint32_t> workers = observe::cluster_around(tgid);
    for (const uint32_t worker : workers) clusters_[worker] = workers;
  }
}

model::LoopFrame WhyWatch::begin() { return loops_.take(); }

bool WhyWatch::tick() {
  look_at_sockets();
  return std::any_of(tgids_.begin(), tgids_.end(), observe::process_exists);
}

void WhyWatch::look_at_sockets() {
  const uint64_t now = monotonic_ns();
  for (const ProcessSockets& sockets : sockets_.read(tgids_))
    peers_[sockets.tgid].add(sockets, now);
}

model::CpuLimits WhyWatch::limits_since_before(uint32_t tgid) {
  const observe::CpuLimitsNow now = observe::cpu_limits(tgid);
  const observe::CpuLimitsNow before =
      std::exchange(limits_.try_emplace(tgid, now).first->second, now);
  const auto since = [](uint64_t then, uint64_t value) { return value - std::min(then, value); };
  return {now.cpus, now.quota, since(before.periods, now.periods),
          since(before.throttled_periods, now.throttled_periods)};
}

model::WatchedProcess WhyWatch::described(uint32_t tgid) {
  model::WatchedProcess process;
  process.tgid = tgid;
  process.limits = limits_since_before(tgid);
  process.peers = peers_[tgid].take();
  if (const auto cluster = clusters_.find(tgid); cluster != clusters_.end())
    process.cluster = cluster->second;
  return process;
}

WhyWatched WhyWatch::finish() {
  WhyWatched watched;
  watched.loops = loops_.take();
  std::map<uint32_t, model::WatchedProcess> processes;
  for (model::WatchedLoop& loop : std::exchange(watched.loops.loops, {})) {
    const auto [process, is_new] = processes.try_emplace(loop.tgid);
    if (is_new) process->second = described(loop.tgid);
    process->second.command = loop.command;
    process->second.watched_ns = std::max(process->second.watched_ns, loop.figures.interval_ns);
    process->second.loops.push_back(std::move(loop));
  }
  for (model::WatchedPool& pool : std::exchange(watched.loops.pools, {}))
    if (const auto process = processes.find(pool.tgid); process != processes.end())
      process->second.pool = std::move(pool.figures);
  for (model::ProcessDescription& description : descriptions_.of(tgids_))
    if (const auto process = processes.find(description.tgid); process != processes.end())
      process->second.description = std::move(description);
  for (auto& [tgid, process] : processes) watched.processes.push_back(std::move(process));
  return watched;
}

}  // namespace timeslice::live
