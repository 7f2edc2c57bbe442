// SPDX-License-Identifier: MIT
#include "model/process_description.h"

#include <algorithm>
#include <string_view>

namespace timeslice::model {

namespace {

// Node's options whose value may be the next word. Of others it follows a '=', as it always does
// of V8's.
constexpr std::string_view kWithValue[] = {
    "--allow-fs-read",
    "--allow-fs-write",
    "--build-snapshot-config",
    "--conditions",
    "--cpu-prof-dir",
    "--cpu-prof-interval",
    "--cpu-prof-name",
    "--debug-port",
    "--diagnostic-dir",
    "--disable-proto",
    "--disable-warning",
    "--dns-result-order",
    "--env-file",
    "--env-file-if-exists",
    "--es-module-specifier-resolution",
    "--experimental-config-file",
    "--experimental-default-type",
    "--experimental-loader",
    "--experimental-policy",
    "--experimental-specifier-resolution",
    "--heap-prof-dir",
    "--heap-prof-interval",
    "--heap-prof-name",
    "--heapsnapshot-near-heap-limit",
    "--heapsnapshot-signal",
    "--icu-data-dir",
    "--import",
    "--input-type",
    "--inspect-port",
    "--inspect-publish-uid",
    "--loader",
    "--localstorage-file",
    "--max-http-header-size",
    "--max-old-space-size-percentage",
    "--network-family-autoselection-attempt-timeout",
    "--openssl-config",
    "--policy-integrity",
    "--redirect-warnings",
    "--report-dir",
    "--report-directory",
    "--report-filename",
    "--report-signal",
    "--require",
    "--secure-heap",
    "--secure-heap-min",
    "--snapshot-blob",
    "--title",
    "--tls-cipher-list",
    "--tls-keylog",
    "--trace-event-categories",
    "--trace-event-file-pattern",
    "--trace-require-module",
    "--unhandled-rejections",
    "--use-largepages",
    "--v8-pool-size",
    "--watch-path",
    "-C",
    "-r",
};
constexpr std::string_view kCode[] = {"-e", "--eval", "-p", "--print", "-pe"};

template <typename Words>
bool is_one_of(const Words& words, std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// Without folders. "app" of "/srv/app/" as well.
std::string_view last_part(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return path.size() > 1 && slash != std::string_view::npos ? path.substr(slash + 1) : path;
}

// "node", "nodejs", "node22", "node-22".
bool is_node(std::string_view program) {
  std::string_view name = last_part(program);
  if (name.substr(0, 4) != "node") return false;
  name.remove_prefix(4);
  return name == "js" || name.find_first_not_of("-.0123456789") == std::string_view::npos;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// As PM2 makes them: "node /srv/app/server.js".
std::vector<std::string> words_of_title(const std::string& title) {
  const size_t space = title.find(' ');
  if (space == std::string::npos) return {title};
  return {title.substr(0, space), title.substr(space + 1)};
}

}  // namespace

std::string short_name(const std::vector<std::string>& given) {
  if (given.empty()) return "";
  const std::vector<std::string> words = given.size() == 1 ? words_of_title(given[0]) : given;
  if (!is_node(words[0])) return joined(given);
  for (size_t at = 1; at < words.size(); ++at) {
    const std::string_view word = words[at];
    if (is_one_of(kCode, word.substr(0, word.find('=')))) return "node -e";
    if (word == "--" && at + 1 < words.size()) return std::string(last_part(words[at + 1]));
    if (word.empty() || word[0] != '-') return std::string(last_part(word));
    if (is_one_of(kWithValue, word)) ++at;
  }
  return "node";
}

}  // namespace timeslice::model
