// SPDX-License-Identifier: MIT
#include "observe/proc_tcp.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "observe/diag_messages.h"

namespace timeslice::observe {

namespace {

constexpr size_t kLongestLine = 512;  // they have some 150 bytes

template <typename T>
std::optional<T> number(std::string_view text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

// The parts before and after the colon.
std::pair<std::string_view, std::string_view> halves(std::string_view word) {
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos) return {word, {}};
  return {word.substr(0, colon), word.substr(colon + 1)};
}

// "0100007F:1538": the address's 32-bit words, each printed as this machine's number.
std::optional<TcpEnd> end_from(std::string_view word) {
  const auto [digits, port_digits] = halves(word);
  const auto port = number<uint16_t>(port_digits, 16);
  if (!port || (digits.size() != 8 && digits.size() != 32)) return std::nullopt;
  std::array<uint8_t, 16> address{};
  for (size_t at = 0; at < digits.size(); at += 8) {
    const auto part = number<uint32_t>(digits.substr(at, 8), 16);
    if (!part) return std::nullopt;
    memcpy(&address[at / 2], &*part, sizeof(*part));
  }
  return tcp_end({address.data(), digits.size() / 2}, *port);
}

bool add_file(const std::string& path, size_t most, std::vector<TcpSocket>& sockets) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return false;
  std::array<char, 65536> buffer;
  for (size_t held = 0; sockets.size() < most;) {
    const uint64_t at_ns = monotonic_ns();
    const ssize_t got = read(fd.get(), buffer.data() + held, buffer.size() - held);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    std::string_view text(buffer.data(), held + static_cast<size_t>(got));
    for (size_t end; (end = text.find('\n')) != std::string_view::npos;) {
      if (sockets.size() < most) add_tcp_line(text.substr(0, end), at_ns, sockets);
      text.remove_prefix(end + 1);
    }
    if (text.size() > kLongestLine) return false;
    held = text.size();
    memmove(buffer.data(), text.data(), held);
  }
  return true;
}

}  // namespace

void add_tcp_line(std::string_view line, uint64_t at_ns, std::vector<TcpSocket>& sockets) {
  next_word(line);  // the number of the line
  const auto local = end_from(next_word(line)), remote = end_from(next_word(line));
  const auto state = number<uint8_t>(next_word(line), 16);
  const auto [tx, rx] = halves(next_word(line));
  const auto unacked = number<uint32_t>(tx, 16), unread = number<uint32_t>(rx, 16);
  for (int skipped = 0; skipped < 4; ++skipped) next_word(line);  // timer, retransmits, uid, probes
  const auto inode = number<uint64_t>(next_word(line), 10);
  if (!local || !remote || !state || !unacked || !unread || inode.value_or(0) == 0) return;
  sockets.push_back({.at_ns = at_ns,
                     .inode = *inode,
                     .state = static_cast<TcpState>(*state),
                     .local = *local,
                     .remote = *remote,
                     .unread_bytes = *unread,
                     .unacked_bytes = *unacked});
}

bool add_proc_tcp(uint32_t tgid, size_t most, std::vector<TcpSocket>& sockets) {
  const std::string net = "/proc/" + std::to_string(tgid) + "/net/";
  if (!add_file(net + "tcp", most, sockets)) return false;
  add_file(net + "tcp6", most, sockets);  // there is none where IPv6 isn't
  return true;
}

}  // namespace timeslice::observe
