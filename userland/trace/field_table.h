// SPDX-License-Identifier: MIT
// How does a struct stand in a message of the file? As a table says: a row for each of its fields,
// with the field's name, its number, and where it is in memory. The writer, the reader and the test
// of the published schema all go by the same table.
#pragma once
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "trace/message.h"

namespace timeslice::trace {

// Beyond what the type in memory says.
enum class Form {
  plain,
  zigzag,      // signed, and as often negative as not
  one_by_one,  // a list with a number before each, as Perfetto's older ones have it
};

// `At`: a pointer to a member, or a function from the struct to the member.
template <Form form, typename At>
struct Field {
  const char* name;
  uint32_t number;
  At at;
};

template <Form form = Form::plain, typename At>
constexpr Field<form, At> field_at(const char* name, uint32_t number, At at) {
  return {name, number, at};
}

namespace detail {

template <typename T>
inline constexpr bool is_list = false;
template <typename T>
inline constexpr bool is_list<std::vector<T>> = true;
template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;

// A character is a small number, an array of them is bytes ended by a zero.
template <Form form, typename T>
void put(protozero::pbf_writer& out, uint32_t number, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    out.add_string(number, value);
  } else if constexpr (is_optional<T>) {
    if (value) put<form>(out, number, *value);
  } else if constexpr (std::is_array_v<T>) {
    out.add_bytes(number, value, strnlen(value, sizeof(value)));
  } else if constexpr (is_list<T>) {
    if constexpr (form == Form::one_by_one)
      for (const auto one : value) put<Form::plain>(out, number, one);
    else if constexpr (sizeof(value[0]) == 8)
      out.add_packed_uint64(number, value.begin(), value.end());
    else
      out.add_packed_uint32(number, value.begin(), value.end());
  } else if constexpr (std::is_same_v<T, double>) {
    out.add_double(number, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out.add_bool(number, value);
  } else if constexpr (std::is_same_v<T, int32_t>) {
    form == Form::zigzag ? out.add_sint32(number, value) : out.add_int32(number, value);
  } else if constexpr (sizeof(T) == 8) {
    out.add_uint64(number, value);
  } else {
    out.add_uint32(number, static_cast<std::make_unsigned_t<T>>(value));
  }
}

template <Form form, typename T, typename Tag>
void take(Fields<Tag>& from, T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    value = from.get_string();
  } else if constexpr (is_optional<T>) {
    take<form>(from, value.emplace());
  } else if constexpr (std::is_array_v<T>) {
    std::memset(value, 0, sizeof(value));
    from.get_view().copy(value, sizeof(value) - 1);
  } else if constexpr (is_list<T>) {
    if constexpr (form == Form::one_by_one) {
      take<Form::plain>(from, value.emplace_back());
    } else if constexpr (sizeof(value[0]) == 8) {
      const auto list = from.get_packed_uint64();
      value.assign(list.begin(), list.end());
    } else {
      const auto list = from.get_packed_uint32();
      value.assign(list.begin(), list.end());
    }
  } else if constexpr (std::is_same_v<T, double>) {
    value = from.get_double();
  } else if constexpr (std::is_same_v<T, bool>) {
    value = from.get_bool();
  } else if constexpr (std::is_same_v<T, int32_t>) {
    value = form == Form::zigzag ? from.get_sint32() : from.get_int32();
  } else if constexpr (sizeof(T) == 8) {
    value = from.get_uint64();
  } else {
    value = static_cast<T>(from.get_uint32());
  }
}

// As a schema has it.
template <Form form, typename T>
std::string type_name() {
  if constexpr (is_list<T>)
    return "repeated " + type_name<Form::plain, typename T::value_type>().substr(9);
  else if constexpr (is_optional<T>)
    return type_name<form, typename T::value_type>();
  else if constexpr (std::is_same_v<T, std::string>)
    return "optional string";
  else if constexpr (std::is_array_v<T>)
    return "optional bytes";
  else if constexpr (std::is_same_v<T, double>)
    return "optional double";
  else if constexpr (std::is_same_v<T, bool>)
    return "optional bool";
  else if constexpr (std::is_same_v<T, int32_t>)
    return form == Form::zigzag ? "optional sint32" : "optional int32";
  else
    return sizeof(T) == 8 ? "optional uint64" : "optional uint32";
}

}  // namespace detail

// Appends all of the table's fields.
template <typename Struct, typename... Rows>
void put_fields(std::string& message, const Struct& from, const std::tuple<Rows...>& table) {
  protozero::pbf_writer out(message);
  const auto put_one = [&]<Form form, typename At>(const Field<form, At>& field) {
    detail::put<form>(out, field.number, std::invoke(field.at, from));
  };
  std::apply([&](const auto&... row) { (put_one(row), ...); }, table);
}

// What the message has; the rest stays. Numbers that the table doesn't know are passed over. Throws
// protozero::exception.
template <typename Struct, typename... Rows>
void take_fields(std::string_view message, Struct& to, const std::tuple<Rows...>& table) {
  enum class Any : uint32_t {};
  Fields<Any> from(message);
  const auto take_one = [&]<Form form, typename At>(const Field<form, At>& field) {
    if (field.number != static_cast<uint32_t>(from.tag())) return false;
    detail::take<form>(from, std::invoke(field.at, to));
    return true;
  };
  while (from.next())
    if (!std::apply([&](const auto&... row) { return (take_one(row) || ...); }, table)) from.skip();
}

// The table as lines of a schema: "optional uint32 tid = 1;".
template <typename Struct, typename... Rows>
std::vector<std::string> schema_of(const std::tuple<Rows...>& table) {
  std::vector<std::string> lines;
  const auto add = [&]<Form form, typename At>(const Field<form, At>& field) {
    using T = std::remove_cvref_t<std::invoke_result_t<At, Struct&>>;
    std::string line =
        detail::type_name<form, T>() + " " + field.name + " = " + std::to_string(field.number);
    if (detail::is_list<T> && form != Form::one_by_one) line += " [packed = true]";
    lines.push_back(line + ";");
  };
  std::apply([&](const auto&... row) { (add(row), ...); }, table);
  return lines;
}

}  // namespace timeslice::trace
