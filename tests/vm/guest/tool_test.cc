// SPDX-License-Identifier: MIT
// Does `timeslice top --source kmod` show what the BPF source shows, in the same form?
#include <nlohmann/json.hpp>

#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

using nlohmann::json;

json frame_from(const std::string& source, const std::string& pids) {
  live::Outcome outcome = live::run({live::timeslice(), "top", "--json", "-n", "1", "-d", "0.2",
                                     "--source", source, "--probes", "sched", "-p", pids});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return json::parse(outcome.out);
}

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

}  // namespace

VM_TEST_CASE("top --source kmod has the same keys as the BPF source, and the same totals") {
  const Module module;
  const live::Cast cast = live::mixed_threads();
  run_together(cast);
  const std::string pid = std::to_string(cast[0]->pid());
  const json ours = frame_from("kmod", pid);
  CHECK(ours["source"] == "kmod");
  CHECK(ours["rung"] == "aggregate");
  CHECK(ours["threads"].size() == 4);
  const json theirs = frame_from("bpf", pid);
  REQUIRE(theirs["source"] == (expects_bpf() ? "bpf" : "proc"));
  CHECK(keys_of(ours) == keys_of(theirs));
  for (const char* part : {"cores", "processes", "threads"})
    CHECK(keys_of(ours[part].at(0)) == keys_of(theirs[part].at(0)));
  CHECK(keys_of(ours["trust"]) == keys_of(theirs["trust"]));
  const auto by_tid = [](const json& frame) {
    std::map<int, json> threads;
    for (const json& thread : frame["threads"]) threads[thread["tid"]] = thread;
    return threads;
  };
  auto bpf_threads = by_tid(theirs);
  for (auto& [tid, thread] : by_tid(ours)) {
    CHECK(thread["nvcsw"] == bpf_threads[tid]["nvcsw"]);
    CHECK(thread["nivcsw"] == bpf_threads[tid]["nivcsw"]);
    CHECK(thread["sleeps_in"] == bpf_threads[tid]["sleeps_in"]);
    CHECK(thread["sleeps_in"] == "read");
  }
}

VM_TEST_CASE("check recognises the module, loaded or not") {
  const auto verdict = [] {
    const json report = json::parse(live::run({live::timeslice(), "check", "--json"}).out);
    for (const json& mode : report["rungs"])
      if (mode["rung"] == "kmod") return mode;
    return json();
  };
  const json without = verdict();
  CHECK(without["allowed"] == false);
  CHECK(without["fix"].get<std::string>().find("insmod") != std::string::npos);
  const Module module;
  CHECK(verdict()["allowed"] == true);
}

VM_TEST_CASE("without the module --source kmod falls back, and says why") {
  const live::Outcome outcome =
      live::run({live::timeslice(), "top", "--json", "-n", "1", "-d", "0.1", "--source", "kmod",
                 "-p", std::to_string(::getpid())});
  CHECK(outcome.status == 0);
  CHECK(json::parse(outcome.out)["source"] != "kmod");
  CHECK(outcome.err.find("the module is not loaded") != std::string::npos);
}

}  // namespace timeslice::vm
