// SPDX-License-Identifier: MIT
#include "live/descriptions.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "live/published_finder.h"
#include "observe/cluster_workers.h"
#include "observe/command_line.h"
#include "observe/process_age.h"

namespace timeslice::live {

namespace {

constexpr uint64_t kKeptFor_ns = 10'000'000'000;
// Of many sockets it takes long to read them: a thousandth of a CPU at most.
constexpr uint64_t kPortsKeptFor_ns = 1'000'000'000, kPortsKeptForMost_ns = 60'000'000'000;
constexpr uint64_t kPortsShare = 1000;

model::ClusterRole role_of(uint32_t tgid) {
  if (observe::is_cluster_worker(tgid) || is_published_worker(tgid))
    return model::ClusterRole::worker;
  return observe::cluster_workers(tgid).empty() && published_workers(tgid).empty()
             ? model::ClusterRole::none
             : model::ClusterRole::primary;
}

std::vector<uint16_t> ports_of(const std::vector<TcpEnd>& listening) {
  std::vector<uint16_t> ports;
  ports.reserve(listening.size());
  for (const TcpEnd& end : listening) ports.push_back(end.port);
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  return ports;
}

}  // namespace

void Descriptions::look_up(const std::vector<uint32_t>& tgids) {
  const uint64_t now_ns = monotonic_ns();
  const auto is_known = [&](uint32_t tgid) { return known_.contains(tgid); };
  if (now_ns - looked_up_ns_ < kKeptFor_ns && std::all_of(tgids.begin(), tgids.end(), is_known))
    return;
  looked_up_ns_ = now_ns;
  std::vector<observe::LookUpThread::Job> jobs;
  std::vector<std::shared_ptr<Known>> answers;  // each its job's until that is through
  for (const uint32_t tgid : tgids) {
    answers.push_back(std::make_shared<Known>());
    jobs.push_back([tgid, answer = answers.back()](observe::ProcessLookUp&) {
      *answer = {model::short_name(observe::command_words(tgid)), role_of(tgid)};
    });
  }
  const size_t done = thread_.run(std::move(jobs)).done;
  for (size_t i = 0; i < done; ++i) known_[tgids[i]] = std::move(*answers[i]);
  std::erase_if(known_, [&](const auto& entry) {
    return std::find(tgids.begin(), tgids.end(), entry.first) == tgids.end();
  });
}

// `listeners`: whose ports each one's are.
void Descriptions::read_ports(const std::vector<uint32_t>& listeners) {
  const uint64_t now_ns = monotonic_ns();
  const auto is_known = [&](uint32_t tgid) { return ports_.contains(tgid); };
  const uint64_t kept_for_ns =
      std::clamp(ports_took_ns_ * kPortsShare, kPortsKeptFor_ns, kPortsKeptForMost_ns);
  if (now_ns - ports_read_ns_ < kept_for_ns &&
      std::all_of(listeners.begin(), listeners.end(), is_known))
    return;
  ports_read_ns_ = now_ns;
  ports_.clear();
  for (const ProcessSockets& sockets : sockets_.read(listeners))
    ports_[sockets.tgid] = ports_of(sockets.listening);
  ports_took_ns_ = monotonic_ns() - now_ns;
}

std::vector<model::ProcessDescription> Descriptions::of(const std::vector<uint32_t>& tgids) {
  look_up(tgids);
  std::vector<model::ProcessDescription> all;
  std::vector<uint32_t> listeners;  // of each: itself, or its primary
  for (const uint32_t tgid : tgids) {
    model::ProcessDescription& process = all.emplace_back();
    process.tgid = tgid;
    if (const auto known = known_.find(tgid); known != known_.end()) {
      process.name = known->second.name;
      process.cluster = known->second.cluster;
    }
    const auto age = observe::process_age(tgid);
    if (age) process.uptime_ns = age->up_ns;
    const bool is_handed = age && process.cluster == model::ClusterRole::worker;
    listeners.push_back(is_handed ? age->parent : tgid);
  }
  read_ports(listeners);
  for (size_t i = 0; i < all.size(); ++i) all[i].ports = ports_[listeners[i]];
  return all;
}

}  // namespace timeslice::live
