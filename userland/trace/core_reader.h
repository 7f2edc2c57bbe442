// SPDX-License-Identifier: MIT
// What happened on one CPU, from the file's beginning to its end? Its bundles one after the other,
// one at a time in memory; and again from any event that it was asked to remember.
#pragma once
#include <cstdint>
#include <protozero/exception.hpp>
#include <string>
#include <utility>
#include <vector>

#include "trace/bundle_reader.h"
#include "trace/reader.h"

namespace timeslice::trace {

// Of a bundle, in the file or in what was unpacked of it.
struct Place {
  Bytes* from;
  uint64_t offset;
  uint32_t size;
};

class Core {
 public:
  Core(Summary& summary, uint16_t cpu, uint64_t boot_offset_ns, Foreign foreign,
       const std::vector<Place>& places)
      : summary_(summary), places_(places), cpu_(cpu), reader_(cpu, boot_offset_ns, foreign) {}

  // False: no event is left. Not to be asked again then.
  bool next() {
    for (;;) {
      try {
        if (loaded_ && reader_.next()) {
          ++taken_;
          return true;
        }
        if (at_ == places_.size()) {
          summary_.passed_over += reader_.skipped();
          return false;
        }
        loaded_ = false;
        load(places_[at_++]);
        loaded_ = true;
      } catch (const protozero::exception&) {
        ++summary_.broken;
        loaded_ = false;
      }
    }
  }
  [[nodiscard]] const ts_event& event() const { return reader_.event().head; }
  [[nodiscard]] bool before(const Core& other) const {
    return event().time_ns != other.event().time_ns ? event().time_ns < other.event().time_ns
                                                    : cpu_ < other.cpu_;
  }

  // The event at hand, to come back to.
  struct Stand {
    size_t at = 0;
    uint64_t taken = 0;  // of the bundle before `at`
    BundleReader::Carry carry;
  };
  [[nodiscard]] Stand stand() const { return {at_, taken_, carry_}; }
  void go_to(const Stand& stand) {
    at_ = stand.at - 1;
    reader_.go_on_from(stand.carry);
    load(places_[at_++]);
    loaded_ = true;
    while (taken_ < stand.taken) next();
  }

 private:
  void load(const Place& place) {
    std::string bundle(place.size, '\0');
    bundle.resize(place.from->read(place.offset, bundle.data(), bundle.size()));
    carry_ = reader_.carry();
    taken_ = 0;
    reader_.load(std::move(bundle));
  }

  Summary& summary_;
  const std::vector<Place>& places_;
  uint16_t cpu_;
  size_t at_ = 0;
  uint64_t taken_ = 0;         // of the bundle that is loaded
  BundleReader::Carry carry_;  // with which it was begun
  bool loaded_ = false;
  BundleReader reader_;
};

}  // namespace timeslice::trace
