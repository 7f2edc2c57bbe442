// SPDX-License-Identifier: MIT
#include "tests/live/bpf_objects.h"

#include <bpf/bpf.h>

#include <filesystem>

#include "tests/live/processes.h"

namespace timeslice::live {

namespace {

namespace fs = std::filesystem;

void add_all(BpfIds& ids, BpfKind kind, int (*next)(uint32_t, uint32_t*)) {
  for (uint32_t id = 0; next(id, &id) == 0;) ids.emplace(kind, id);
}

// The objects that one open file keeps alive, as its fdinfo names them.
void take_away(BpfIds& ids, const std::string& fdinfo) {
  for (const std::string& line : lines_of(fdinfo)) {
    const size_t colon = line.find(":\t");
    if (colon == std::string::npos) continue;
    const std::string label = line.substr(0, colon);
    const auto id = [&] { return static_cast<uint32_t>(std::stoul(line.substr(colon + 2))); };
    if (label == "prog_id") ids.erase({BpfKind::program, id()});
    if (label == "map_id") ids.erase({BpfKind::map, id()});
    if (label == "link_id") ids.erase({BpfKind::link, id()});
  }
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

BpfIds bpf_ids() {
  BpfIds ids;
  add_all(ids, BpfKind::program, bpf_prog_get_next_id);
  add_all(ids, BpfKind::map, bpf_map_get_next_id);
  add_all(ids, BpfKind::link, bpf_link_get_next_id);
  return ids;
}

BpfIds bpf_ids_since(const BpfIds& before, pid_t but_of) {
  BpfIds ids = bpf_ids();
  for (const BpfId& id : before) ids.erase(id);
  if (ids.empty()) return ids;
  std::error_code error;  // processes come and go meanwhile
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    const std::string name = process.path().filename();
    if (!is_number(name) || name == std::to_string(but_of)) continue;
    for (const auto& file : fs::directory_iterator(process.path() / "fdinfo", error))
      take_away(ids, read_file(file.path()));
  }
  return ids;
}

std::vector<BpfProgram> programs_in(const BpfIds& ids) {
  std::vector<BpfProgram> programs;
  for (const auto& [kind, id] : ids) {
    if (kind != BpfKind::program) continue;
    const UniqueFd fd(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    uint32_t size = sizeof(info);
    if (fd && bpf_obj_get_info_by_fd(fd.get(), &info, &size) == 0)
      programs.push_back({info.name, info.type});
  }
  return programs;
}

std::vector<uint32_t> link_types_in(const BpfIds& ids) {
  std::vector<uint32_t> types;
  for (const auto& [kind, id] : ids) {
    if (kind != BpfKind::link) continue;
    const UniqueFd fd(bpf_link_get_fd_by_id(id));
    bpf_link_info info{};
    uint32_t size = sizeof(info);
    if (fd && bpf_obj_get_info_by_fd(fd.get(), &info, &size) == 0) types.push_back(info.type);
  }
  return types;
}

}  // namespace timeslice::live
