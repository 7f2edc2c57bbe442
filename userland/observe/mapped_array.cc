// SPDX-License-Identifier: MIT
#include "observe/mapped_array.h"

#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/failure.h"

namespace timeslice::observe {

MappedMap::MappedMap(const bpf_map* map, size_t value_bytes) : size_(bpf_map__max_entries(map)) {
  if (bpf_map__value_size(map) != value_bytes)
    throw Failure(std::string("the values of ") + bpf_map__name(map) + " have " +
                  std::to_string(bpf_map__value_size(map)) + " bytes, not " +
                  std::to_string(value_bytes));
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  bytes_ = (size_t{size_} * value_bytes + page - 1) / page * page;
  memory_ = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
  if (memory_ == MAP_FAILED)
    throw failure_from_errno(std::string("cannot map ") + bpf_map__name(map), errno);
}

MappedMap::~MappedMap() { munmap(memory_, bytes_); }

}  // namespace timeslice::observe
