// SPDX-License-Identifier: MIT
// Which of a process's images, the program or one of its libraries, exports this? Asked of what is
// loaded in its memory.
#pragma once
#include <string_view>
#include <vector>

#include "base/memory_reader.h"
#include "observe/process_maps.h"
#include "runtime/elf_image.h"

namespace timeslice::live {

struct LoadedImage {
  observe::Mapping mapping;  // of its file's beginning
  runtime::ElfImage image;
};

// In the order in which they are mapped, which begins with the program as a rule; 512 images are
// asked at most.
std::vector<LoadedImage> images_with(MemoryReader& memory,
                                     const std::vector<observe::Mapping>& maps,
                                     std::string_view symbol);

}  // namespace timeslice::live
