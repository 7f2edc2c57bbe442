// SPDX-License-Identifier: MIT
// How is a message from an untrusted source read? As protozero does it, except that a field
// which is of another type on the wire than it is asked for as ends in an exception of protozero's:
// protozero itself only asserts that it isn't, and a broken file must not abort the program.
#pragma once
#include <protozero/pbf_message.hpp>
#include <string>
#include <string_view>

namespace timeslice::trace {

template <typename Field>
class Fields : public protozero::pbf_message<Field> {
  using Base = protozero::pbf_message<Field>;
  using Type = protozero::pbf_wire_type;

 public:
  using Base::Base;
  explicit Fields(std::string_view message) : Base(message.data(), message.size()) {}

  [[nodiscard]] bool is_bytes() const { return this->wire_type() == Type::length_delimited; }
  [[nodiscard]] bool is_varint() const { return this->wire_type() == Type::varint; }

  bool get_bool() { return is(Type::varint).Base::get_bool(); }
  int32_t get_int32() { return is(Type::varint).Base::get_int32(); }
  int32_t get_sint32() { return is(Type::varint).Base::get_sint32(); }
  uint32_t get_uint32() { return is(Type::varint).Base::get_uint32(); }
  int64_t get_int64() { return is(Type::varint).Base::get_int64(); }
  uint64_t get_uint64() { return is(Type::varint).Base::get_uint64(); }
  double get_double() { return is(Type::fixed64).Base::get_double(); }
  std::string get_string() { return std::string(get_view()); }
  std::string_view get_view() {
    const protozero::data_view view = is(Type::length_delimited).Base::get_view();
    return {view.data(), view.size()};
  }
  auto get_packed_uint32() { return is(Type::length_delimited).Base::get_packed_uint32(); }
  auto get_packed_uint64() { return is(Type::length_delimited).Base::get_packed_uint64(); }

 private:
  Fields& is(Type type) {
    if (this->wire_type() != type) throw protozero::unknown_pbf_wire_type_exception();
    return *this;
  }
};

}  // namespace timeslice::trace
