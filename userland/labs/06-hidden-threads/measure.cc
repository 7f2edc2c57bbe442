// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "labs/06-hidden-threads/lab.h"
#include "labs/parts/by_name.h"
#include "labs/parts/output_lines.h"

namespace timeslice::labs::hidden_threads {

namespace {

constexpr const char* kSteps[] = {"idle", "listen", "stat"};
constexpr const char* kPool = "libuv-worker";

// One that the program has listed, and what the recording knows of it.
struct Listed {
  uint32_t tid = 0;
  const char* step = "";  // after which it was first there
  const model::HistoryThread* thread = nullptr;
  uint64_t step_end_ns = 0;
};

const model::HistoryThread* find(const model::History& history, uint32_t tid) {
  for (const model::HistoryThread& thread : history.threads())
    if (took_part(thread) && thread.tid == tid) return &thread;
  return nullptr;
}

// "threads STEP TIME TID TID…"
std::vector<Listed> listed_in(const Seen& seen) {
  std::vector<Listed> all;
  for (auto& words : lines_after(seen.output, "threads")) {
    std::string step;
    uint64_t end_ns = 0;
    if (!(words >> step >> end_ns)) continue;
    const auto* const known = std::find(std::begin(kSteps), std::end(kSteps), step);
    if (known == std::end(kSteps)) continue;
    for (uint32_t tid = 0; words >> tid;)
      if (std::none_of(all.begin(), all.end(), [&](const Listed& one) { return one.tid == tid; }))
        all.push_back({tid, *known, find(seen.history, tid), end_ns});
  }
  return all;
}

// "callback PID/task/TID"; 0: it didn't come.
uint32_t callback_in(const std::string& output) {
  std::string path;
  for (auto& words : lines_after(output, "callback")) words >> path;
  const size_t slash = path.find("/task/");
  if (slash == std::string::npos) return 0;
  return static_cast<uint32_t>(std::strtoul(&path[slash + 6], nullptr, 10));
}

// Do the program's lists and the recording of its births tell of the same threads?
bool agree(const std::vector<Listed>& all) {
  return !all.empty() && std::all_of(all.begin(), all.end(), [](const Listed& one) {
    return one.thread && one.thread->born && one.thread->first_ns < one.step_end_ns &&
           one.thread->role.confidence > 0;
  });
}

struct Count {
  size_t all = 0, pool = 0;
  std::map<std::string, size_t> roles;
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const auto& [role, count] : roles)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, role);
    return text.empty() ? "none" : text;
  }
};

Count count_of(const std::vector<Listed>& all, const std::string& step) {
  Count count;
  for (const Listed& one : all) {
    if (step != one.step) continue;
    ++count.all;
    ++count.roles[one.thread->role.name];
  }
  count.pool = count.roles.contains(kPool) ? count.roles.at(kPool) : 0;
  return count;
}

const char* idle_of(const Count& idle) {
  if (idle.all == 1) return "main";
  if (idle.pool == 0) return "v8";
  return idle.pool + 1 == idle.all ? "pool" : "both";
}

Truth more(const char* step, const Count& count) {
  return {
      step, {std::to_string(count.all)}, 0, fmt::format("{} more: {}.", count.all, count.text())};
}

nlohmann::json rows_of(const std::vector<Listed>& all) {
  uint64_t begin_ns = UINT64_MAX;
  for (const Listed& one : all) begin_ns = std::min(begin_ns, one.thread->first_ns);
  nlohmann::json rows = nlohmann::json::array();
  for (const Listed& one : all)
    rows.push_back({{"step", one.step},
                    {"tid", one.tid},
                    {"comm", one.thread->comm},
                    {"role", one.thread->role.name},
                    {"evidence", one.thread->role.evidence},
                    {"born_ms", static_cast<double>(one.thread->first_ns - begin_ns) / 1e6}});
  return rows;
}

// "ours BACKEND STEP NAME NAME…": by back end, how many there were in each step, and how many of
// each name there were in the end, but for numbers in the names.
nlohmann::json ours_in(const std::string& output) {
  nlohmann::json ours = nlohmann::json::object();
  for (auto& words : lines_after(output, "ours")) {
    std::string backend, step;
    if (!(words >> backend >> step)) continue;
    std::map<std::string, size_t> names;
    size_t count = 0;
    for (std::string name; words >> name; ++count) ++names[name.substr(0, name.find_last_of('-'))];
    ours[backend][step] = count;
    if (step == "stat") ours[backend]["names"] = names;
  }
  return ours;
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"pool", random.between(2, 8)}};
}

Measured measure(const Seen& seen, const Parameters& parameters) {
  Measured measured;
  const std::vector<Listed> all = listed_in(seen);
  const uint32_t callback = callback_in(seen.output);
  const auto runs_it =
      std::find_if(all.begin(), all.end(), [&](const Listed& one) { return one.tid == callback; });
  if (!agree(all) || runs_it == all.end()) {
    measured.no_verdict = "not all of the program's threads could be told apart; try again";
    return measured;
  }
  const Count idle = count_of(all, "idle"), listen = count_of(all, "listen"),
              stat = count_of(all, "stat");
  measured.figures = {{"pool", parameters.at("pool")}, {"idle", idle.all},
                      {"listen", listen.all},          {"stat", stat.all},
                      {"callback_tid", callback},      {"threads", rows_of(all)},
                      {"ours", ours_in(seen.output)}};
  const bool on_main = runs_it->thread->tid == runs_it->thread->tgid;
  measured.truths = {
      {"idle", {idle_of(idle)}, 0, fmt::format("{} threads: {}.", idle.all, idle.text())},
      more("listen", listen),
      more("stat", stat),
      {"why",
       {on_main ? "main" : "pool"},
       0,
       fmt::format("The callback ran on thread {}, which is {}.", callback,
                   runs_it->thread->role.name)}};
  return measured;
}

std::string table_of_ours(const nlohmann::json& ours) {
  std::string text = fmt::format("\n{:<18}{:>5}{:>8}{:>6}{:>6}  in the end\n", "our own loop, on",
                                 "idle", "listen", "read", "stat");
  for (const auto& [backend, steps] : ours.items()) {
    std::string names;
    if (steps.contains("names"))
      for (const auto& [name, count] : steps["names"].items())
        names += fmt::format("{}{} {}", names.empty() ? "" : ", ", count.get<size_t>(), name);
    text += fmt::format("{:<18}", backend);
    for (const auto& [step, width] :
         {std::pair{"idle", 5}, {"listen", 8}, {"read", 6}, {"stat", 6}})
      text += fmt::format("{:>{}}", steps.value(step, size_t{0}), width);
    text += "  " + names + '\n';
  }
  return text;
}

std::string picture(const Measured& measured) {
  if (!measured.figures.contains("threads")) return "";
  std::string text = fmt::format("\n{:<7}{:>7}  {:<16}{:>8}  how that is known\n", "step", "thread",
                                 "role", "began");
  std::string last;
  for (const auto& row : measured.figures["threads"]) {
    const std::string step = row["step"];
    text += fmt::format("{:<7}{:>7}  {:<16}{:>5.0f} ms  {:.38}\n", step == last ? "" : step,
                        row["tid"].get<uint64_t>(), row["role"].get<std::string>(),
                        row["born_ms"].get<double>(), row["evidence"].get<std::string>());
    last = step;
  }
  return text + table_of_ours(measured.figures["ours"]);
}

}  // namespace

Lab lab() {
  return {.number = 6,
          .slug = "06-hidden-threads",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"stat"},
          .picture = picture};
}

}  // namespace timeslice::labs::hidden_threads
