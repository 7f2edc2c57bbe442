// SPDX-License-Identifier: MIT
#include "live/phase_places.h"

#include <array>
#include <optional>
#include <utility>

#include "observe/elf_symbols.h"
#include "observe/process_maps.h"

namespace timeslice::live {

namespace {

// In the order of a turn: what is before the first is poll. uv_run() itself has the closing
// handles, between check and timers, and the pending callbacks, between timers and idle.
struct Beginning {
  const char* function;
  ts_turn_phase phase;
};
constexpr std::array<Beginning, 3> kBeginnings = {{{"uv__run_check", TS_PHASE_CHECK},
                                                   {"uv__run_timers", TS_PHASE_TIMERS},
                                                   {"uv__run_idle", TS_PHASE_PREPARE}}};

std::optional<uint64_t> offset_in_file(const std::vector<observe::Mapping>& maps, uint64_t inode,
                                       uint64_t address) {
  for (const observe::Mapping& map : maps)
    if (map.executable && map.inode == inode && address >= map.start && address < map.end)
      return address - map.start + map.offset;
  return std::nullopt;
}

}  // namespace

std::shared_ptr<const PhasePlaces> find_phases(uint32_t tgid, const LibuvImage& image) {
  auto found = std::make_shared<PhasePlaces>();
  auto file = observe::mapped_file(tgid, image.mapping);
  const UniqueFd fd = file ? observe::open_to_read(*file) : UniqueFd();
  found->why = "its file with libuv can't be read";
  if (!fd) return found;
  found->file = *std::move(file);
  std::array<observe::WantedSymbol, kBeginnings.size()> wanted;
  for (size_t i = 0; i < wanted.size(); ++i) wanted[i] = {kBeginnings[i].function, ""};
  const auto symbols = observe::find_symbols(fd.get(), wanted);
  found->why = "its file has no symbols of libuv's phases; it was stripped";
  if (!symbols) return found;
  const std::vector<observe::Mapping> maps = observe::read_maps(tgid);
  std::vector<observe::PhasePlace> places;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto& symbol = symbols->found[i];
    if (!symbol) return found;
    const auto offset = offset_in_file(maps, image.mapping.inode, symbol->address + image.bias);
    if (offset) places.push_back({*offset, kBeginnings[i].phase});
  }
  if (places.size() < wanted.size()) return found;
  found->places = std::move(places);
  found->why.clear();
  return found;
}

}  // namespace timeslice::live
