// SPDX-License-Identifier: MIT
#include "live/images.h"

namespace timeslice::live {

std::vector<LoadedImage> images_with(MemoryReader& memory,
                                     const std::vector<observe::Mapping>& maps,
                                     std::string_view symbol) {
  constexpr size_t kMostImages = 512;
  std::vector<LoadedImage> found;
  size_t asked = 0;
  for (const observe::Mapping& map : maps) {
    if (map.offset != 0 || map.inode == 0) continue;
    if (++asked > kMostImages) break;
    const auto image = runtime::ElfImage::at(memory, map.start);
    if (image && image->find(memory, symbol)) found.push_back({map, *image});
  }
  return found;
}

}  // namespace timeslice::live
