// SPDX-License-Identifier: MIT
// How do bytes and hostile names get into an HTML file? Names only as JSON within a script element
// that isn't run, without any '<' that could end it. Bytes deflated, and then as printable text.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace timeslice::timeline {

// zlib's format (RFC 1950), as a browser's DecompressionStream("deflate") reads it.
std::string deflated(std::string_view bytes);

// 13 bits in two of 91 printable characters, the lowest bits first: 8 % shorter than base64.
// '"', '&' and '<' aren't among them, so nothing in it means anything to HTML.
void append_base91(std::string& out, std::string_view bytes);

// Deflated and as text: the number of deflated bytes, a space, the characters. See boot.js.
void append_packed(std::string& out, std::string_view bytes);

// JSON in ASCII that holds no '<'. Bytes that aren't UTF-8 become U+FFFD.
std::string json_for_script(const nlohmann::json& value);

}  // namespace timeslice::timeline
