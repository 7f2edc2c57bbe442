// SPDX-License-Identifier: MIT
#include "loop/threads/message.h"

#include "loop/threads/port.h"

namespace timeslice::loop {

Message::Message() = default;
Message::Message(std::span<const std::byte> copied) : bytes(copied.begin(), copied.end()) {}
Message::Message(std::string_view copied) : Message(std::as_bytes(std::span(copied))) {}
Message::Message(Message&& other) noexcept = default;
Message& Message::operator=(Message&& other) noexcept = default;
Message::~Message() = default;

std::string_view Message::text() const {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace timeslice::loop
