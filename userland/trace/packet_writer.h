// SPDX-License-Identifier: MIT
// How does a message become a packet of the file?
#pragma once
#include <protozero/pbf_builder.hpp>
#include <string>

#include "trace/fields.h"

namespace timeslice::trace {

template <typename Field>
using Message = protozero::pbf_builder<Field>;

inline constexpr uint32_t kSequence = 1;  // all packets are of one writer

inline void append_packet(std::string& bytes, const std::string& packet) {
  Message<field::Trace>(bytes).add_message(field::Trace::packet, packet);
}

inline std::string packet_with(field::Packet part, const std::string& message) {
  std::string packet;
  Message<field::Packet> out(packet);
  out.add_uint32(field::Packet::sequence_id, kSequence);
  out.add_message(part, message);
  return packet;
}

}  // namespace timeslice::trace
