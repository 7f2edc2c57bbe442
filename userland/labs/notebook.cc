// SPDX-License-Identifier: MIT
#include "labs/notebook.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/failure.h"
#include "base/private_file.h"
#include "labs/file_contents.h"

namespace timeslice::labs {

namespace {

using Json = nlohmann::json;

constexpr char kResult[] = "result-";  // and the seed

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

std::string home() {
  if (std::string named = variable("HOME"); !named.empty()) return named;
  const passwd* const user = getpwuid(getuid());
  return user ? user->pw_dir : "/";
}

Json json_in(const std::string& path) {
  return Json::parse(contents_of(path), nullptr, /*allow_exceptions=*/false);
}

std::optional<bool> passed_in(const std::string& path) {
  const Json result = json_in(path);
  if (!result.is_object() || !result.contains("passed") || !result["passed"].is_boolean())
    return std::nullopt;
  return result["passed"].get<bool>();
}

}  // namespace

Notebook::Notebook(const std::string& slug) : directory_(place() + "/" + slug) {}

std::string Notebook::place() {
  const std::string state = variable("XDG_STATE_HOME");
  return (state.empty() ? home() + "/.local/state" : state) + "/timeslice/labs";
}

void Notebook::begin() {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) throw Failure("cannot make " + directory_ + ": " + error.message());
  lock_ = UniqueFd(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_) throw failure_from_errno("cannot open " + directory_, errno);
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK) throw Failure("this lab is being run already; wait until it has ended");
  throw failure_from_errno("cannot lock " + directory_, errno);
}

void Notebook::forget() {
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
  if (error) throw Failure("cannot remove " + directory_ + ": " + error.message());
}

Attempts Notebook::attempts() const {
  const Json json = json_in(directory_ + "/attempts.json");
  if (!json.is_object()) return {};
  Attempts attempts;
  const auto number = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
  };
  attempts.runs = number("runs");
  attempts.hints = number("hints");
  attempts.solved = json.contains("solved") && json["solved"] == true;
  return attempts;
}

void Notebook::note(const Attempts& attempts) {
  const Json json = {
      {"runs", attempts.runs}, {"hints", attempts.hints}, {"solved", attempts.solved}};
  write_private(directory_ + "/attempts.json", json.dump() + "\n", Earlier::replace);
}

void Notebook::keep_result(uint64_t seed, const std::string& json, bool passed) {
  const std::string path = directory_ + "/" + kResult + std::to_string(seed) + ".json";
  if (passed || !passed_in(path).value_or(false))
    write_private(path, json + "\n", Earlier::replace);
}

std::optional<bool> Notebook::was_passed() const {
  std::optional<bool> passed;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    if (entry.path().filename().string().rfind(kResult, 0) != 0) continue;
    if (const auto one = passed_in(entry.path())) passed = passed.value_or(false) || *one;
  }
  return passed;
}

}  // namespace timeslice::labs
