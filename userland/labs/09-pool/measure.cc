// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "labs/09-pool/lab.h"
#include "labs/parts/few_cpus.h"
#include "labs/parts/output_lines.h"
#include "labs/parts/overlap.h"
#include "labs/parts/rounds.h"

namespace timeslice::labs::pool {

namespace {

constexpr size_t kCells = 62;

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

// A thread of the pool in one run.
struct Worker {
  uint32_t thread = 0;  // its index in the history
  uint64_t oncpu_ns = 0, wait_ns = 0;
  uint64_t jobs = 1;
  std::vector<const model::Slice*> slices;  // in the order of time
};

struct Run {
  Round round;
  uint32_t pid = 0;
  std::vector<uint64_t> callbacks;  // when each ran
  std::vector<Worker> workers;
  uint64_t main_ns = 0;  // CPU time of the main thread
  Overlap overlap;
  uint64_t kept_ns = 0;  // CPU time that the pool could have used, and didn't get
  [[nodiscard]] uint64_t lasted_ns() const { return round.end_ns - round.begin_ns; }
  [[nodiscard]] uint64_t oncpu_ns() const {
    uint64_t sum = 0;
    for (const Worker& worker : workers) sum += worker.oncpu_ns;
    return sum;
  }
  [[nodiscard]] uint64_t wait_ns() const {
    uint64_t sum = 0;
    for (const Worker& worker : workers) sum += worker.wait_ns;
    return sum;
  }
  [[nodiscard]] double kept_ratio() const {
    return static_cast<double>(kept_ns) / static_cast<double>(oncpu_ns() + kept_ns);
  }
  // All are of the same size.
  [[nodiscard]] uint64_t job_ns() const { return oncpu_ns() / callbacks.size(); }
};

// "callbacks NAME PID TIME TIME…"
bool read_callbacks(const std::string& output, const std::string& name, Run& run) {
  for (auto& words : lines_after(output, "callbacks " + name)) {
    words >> run.pid;
    for (uint64_t at = 0; words >> at;) run.callbacks.push_back(at);
  }
  return !run.callbacks.empty();
}

// A process may be too short to be looked at for roles. But Node's other threads are there before
// the first job.
bool is_worker(const model::HistoryThread& thread, const Run& run) {
  if (thread.role.name == "libuv-worker") return true;
  return thread.role.confidence == 0 && thread.tid != thread.tgid && thread.born &&
         thread.first_ns > run.round.begin_ns;
}

void add_slice(const Seen& seen, const model::Slice& slice, Run& run) {
  if (slice.thread == model::kNobody) return;
  const model::HistoryThread& thread = seen.history.threads()[slice.thread];
  const uint64_t begin_ns = std::max(slice.begin_ns, run.round.begin_ns),
                 end_ns = std::min(slice.end_ns, run.round.end_ns);
  if (thread.tgid != run.pid || begin_ns >= end_ns) return;
  if (thread.tid == run.pid) run.main_ns += end_ns - begin_ns;
  if (!is_worker(thread, run)) return;
  auto worker = std::find_if(run.workers.begin(), run.workers.end(),
                             [&](const Worker& one) { return one.thread == slice.thread; });
  if (worker == run.workers.end()) worker = run.workers.insert(worker, {slice.thread, 0, 0, 1, {}});
  worker->oncpu_ns += end_ns - begin_ns;
  worker->wait_ns += slice.wait_ns;
  worker->slices.push_back(&slice);
}

// All are of the same size, so who has computed most has had most of them.
void share_out(Run& run) {
  for (size_t left = run.callbacks.size(); left > run.workers.size(); --left)
    ++std::max_element(run.workers.begin(), run.workers.end(), [](const auto& a, const auto& b) {
        return a.oncpu_ns / (a.jobs + 1) < b.oncpu_ns / (b.jobs + 1);
      })->jobs;
}

std::optional<Run> run_of(const Seen& seen, const std::string& name, size_t cpus) {
  Run run;
  const auto round = round_in(seen.output, name);
  if (!round || !read_callbacks(seen.output, name, run)) return std::nullopt;
  run.round = *round;
  for (const model::Slice& slice : seen.slices) add_slice(seen, slice, run);
  // Whoever got no job doesn't take part.
  const uint64_t fewest_ns = run.job_ns() / 4;
  run.workers.erase(std::remove_if(run.workers.begin(), run.workers.end(),
                                   [&](const Worker& one) { return one.oncpu_ns < fewest_ns; }),
                    run.workers.end());
  if (run.workers.empty()) return std::nullopt;
  share_out(run);
  const auto is_one = [&](uint32_t thread) {
    return std::any_of(run.workers.begin(), run.workers.end(),
                       [&](const Worker& one) { return one.thread == thread; });
  };
  run.overlap = overlap_of(seen.slices, run.round.begin_ns, run.round.end_ns, is_one);
  run.kept_ns = kept_from_ns(seen.slices, run.round.begin_ns, run.round.end_ns, is_one, cpus);
  return run;
}

// One job on its thread.
struct Box {
  uint32_t tid = 0;
  uint64_t begin_ns = 0, end_ns = 0;
};

// A thread goes from one job to the next one without a switch. So a job ends where its thread has
// had a job's CPU time.
std::vector<Box> boxes_of(const Worker& worker, uint32_t tid) {
  const uint64_t each_ns = worker.oncpu_ns / worker.jobs;
  std::vector<Box> boxes;
  uint64_t begin_ns = worker.slices.front()->begin_ns, had_ns = 0;
  for (const model::Slice* slice : worker.slices) {
    had_ns += slice->end_ns - slice->begin_ns;
    while (had_ns >= each_ns && boxes.size() + 1 < worker.jobs) {
      had_ns -= each_ns;
      boxes.push_back({tid, begin_ns, slice->end_ns - had_ns});
      begin_ns = boxes.back().end_ns;
    }
  }
  boxes.push_back({tid, begin_ns, worker.slices.back()->end_ns});
  return boxes;
}

// In the order of their beginnings.
std::vector<Box> all_boxes(const Seen& seen, const Run& run) {
  std::vector<Box> all;
  for (const Worker& worker : run.workers) {
    const auto boxes = boxes_of(worker, seen.history.threads()[worker.thread].tid);
    all.insert(all.end(), boxes.begin(), boxes.end());
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Box& a, const Box& b) { return a.begin_ns < b.begin_ns; });
  return all;
}

nlohmann::json figures_of(const Run& run) {
  return {{"threads", run.workers.size()},      {"ms", ms(run.lasted_ns())},
          {"most_at_once", run.overlap.most()}, {"oncpu_ms", ms(run.oncpu_ns())},
          {"wait_ms", ms(run.wait_ns())},       {"main_ms", ms(run.main_ns)}};
}

nlohmann::json boxes_json(const Run& run, const std::vector<Box>& boxes) {
  nlohmann::json list = nlohmann::json::array(), callbacks = nlohmann::json::array();
  const auto since = [&](uint64_t ns) { return ms(ns - std::min(run.round.begin_ns, ns)); };
  for (const Box& box : boxes)
    list.push_back(
        {{"thread", box.tid}, {"begin_ms", since(box.begin_ns)}, {"end_ms", since(box.end_ns)}});
  for (const uint64_t at : run.callbacks) callbacks.push_back(since(at));
  return {{"boxes", list}, {"callbacks_ms", callbacks}};
}

// When did the job begin that found no free thread? If nobody but the pool's threads computed, and
// there were fewer of them than jobs, then after another one on the same thread.
const char* next_of(const Run& run, size_t size) {
  if (run.main_ns >= run.job_ns() / 2) return "main";
  if (run.workers.size() == size) return "end";
  return run.workers.size() == run.callbacks.size() ? "once" : "";
}

double ratio(const Run& run, const Run& to) {
  return static_cast<double>(run.lasted_ns()) / static_cast<double>(to.lasted_ns());
}

// When each thread has had a job, as many are left as there are CPUs, or twice as many: so no CPU
// is idle at the end, which would make a larger pool a little faster.
Parameters variant(Random& random, const Machine& machine) {
  const auto cpus = few_cpus(machine);
  const int64_t pool = std::max<int64_t>(cpus + random.between(1, 3), 4);
  return {{"cpus", cpus}, {"pool", pool}, {"jobs", pool + cpus * random.between(1, 2)}};
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  const auto size = static_cast<size_t>(parameters.at("pool")),
             cpus = static_cast<size_t>(parameters.at("cpus")),
             jobs = static_cast<size_t>(parameters.at("jobs"));
  const auto one = run_of(seen, "one", cpus), pool = run_of(seen, "pool", cpus),
             each = run_of(seen, "each", cpus);
  if (!one || !pool || !each) {
    measured.no_verdict = "the pool's threads could not all be told; try again";
    return measured;
  }
  const std::vector<Box> boxes = all_boxes(seen, *pool);
  const double more = ratio(*each, *pool), fewer = ratio(*one, *pool);
  // Where others compute, more threads have a larger share of the CPUs.
  const double kept = std::max(pool->kept_ratio(), each->kept_ratio());
  measured.figures = {
      {"time_ratio_one", fewer},         {"time_ratio_each", more},   {"kept_ratio", kept},
      {"one", figures_of(*one)},         {"pool", figures_of(*pool)}, {"each", figures_of(*each)},
      {"jobs", boxes_json(*pool, boxes)}};
  const bool no_faster = more > 0.8, faster = more < 0.7 && kept < 0.1;
  const std::string next = next_of(*pool, size);
  if (boxes.size() != jobs || next.empty() || pool->overlap.most() != cpus ||
      (!no_faster && !faster))
    measured.no_verdict = fmt::format(
        "others had the CPUs too often (for {:.0f} % of the time that the pool could have used); "
        "close what computes, and try again",
        kept * 100);
  measured.truths = {
      {"workers",
       {std::to_string(pool->workers.size())},
       0,
       fmt::format("{} threads of the pool computed, the main thread for {:.1f} ms.",
                   pool->workers.size(), ms(pool->main_ns))},
      {"next",
       {next},
       0,
       fmt::format("{} jobs ran on {} threads, for {:.0f} ms of CPU time each; the first callback "
                   "came after {:.0f} ms, the last one after {:.0f} ms.",
                   jobs, pool->workers.size(), ms(pool->job_ns()),
                   ms(pool->callbacks.front() - pool->round.begin_ns),
                   ms(pool->callbacks.back() - pool->round.begin_ns))},
      {"parallel",
       {std::to_string(pool->overlap.most())},
       0,
       fmt::format("At most {} of {} threads at once; together they waited {:.0f} ms for a CPU.",
                   pool->overlap.most(), pool->workers.size(), ms(pool->wait_ns()))},
      {"why",
       {no_faster ? "cpus" : "yes"},
       0,
       fmt::format("All had ended after {:.0f} ms with 1 thread, after {:.0f} ms with {}, and "
                   "after {:.0f} ms with {}.",
                   ms(one->lasted_ns()), ms(pool->lasted_ns()), pool->workers.size(),
                   ms(each->lasted_ns()), each->workers.size())}};
  return measured;
}

size_t cell_of(double at_ms, double all_ms) {
  return std::min(static_cast<size_t>(at_ms / all_ms * kCells), kCells - 1);
}

// "[---- 4 ----]", within the cells that it lasts.
void draw_box(std::string& line, size_t begin, size_t end, size_t number) {
  for (size_t cell = begin; cell <= end; ++cell) line[cell] = '-';
  line[begin] = '[';
  line[end] = ']';
  const std::string name = ' ' + std::to_string(number) + ' ';
  if (end - begin > name.size())
    line.replace((begin + end - name.size()) / 2 + 1, name.size(), name);
}

void append_boxes(std::string& text, const nlohmann::json& jobs, double all_ms) {
  std::map<uint64_t, std::string> lines;  // by thread
  size_t number = 0;
  for (const auto& box : jobs["boxes"]) {
    auto& line = lines.try_emplace(box["thread"], std::string(kCells, ' ')).first->second;
    const size_t begin = cell_of(box["begin_ms"], all_ms), end = cell_of(box["end_ms"], all_ms);
    draw_box(line, begin > 0 && line[begin] == ']' ? begin + 1 : begin, end, ++number);
  }
  for (const auto& [thread, line] : lines) text += fmt::format("{:<15}{}\n", thread, line);
  std::string callbacks(kCells, ' ');
  for (const double at : jobs["callbacks_ms"]) callbacks[cell_of(at, all_ms)] = '^';
  text += fmt::format("{:<15}{}\n", "callbacks", callbacks);
}

std::string picture(const Measured& measured) {
  if (!measured.figures.contains("jobs")) return "";
  const nlohmann::json& figures = measured.figures;
  const double all_ms = figures["pool"]["ms"];
  std::string text = fmt::format(
      "\nThe jobs of `pool`, each from its beginning to its end; {:.0f} ms in all\n", all_ms);
  append_boxes(text, figures["jobs"], all_ms);
  text += fmt::format("\n{:<6}{:>9}{:>14}{:>19}{:>30}\n", "", "threads", "all ended",
                      "most at once", "waited for a CPU, together");
  for (const char* name : {"one", "pool", "each"}) {
    const nlohmann::json& run = figures[name];
    text += fmt::format("{:<6}{:>9}{:>11.0f} ms{:>19}{:>27.0f} ms\n", name,
                        run["threads"].get<int>(), run["ms"].get<double>(),
                        run["most_at_once"].get<int>(), run["wait_ms"].get<double>());
  }
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 9,
          .slug = "09-pool",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"pool"},
          .picture = picture};
}

}  // namespace timeslice::labs::pool
