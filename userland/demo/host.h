// SPDX-License-Identifier: MIT
// Did the client mean this machine? Any page that a browser shows can have its own name lead to
// 127.0.0.1 (DNS rebinding), and would read then what is served here. The browser says that name as
// the Host, so names of others are told apart by it.
#pragma once
#include <string_view>

namespace timeslice::demo {

// A Host header's value: localhost, a name below it, an address, each perhaps with a port; or
// empty, as no browser has it.
bool is_local_host(std::string_view host);

}  // namespace timeslice::demo
