// SPDX-License-Identifier: MIT
// Is a process named by its script, whatever stands before it, and shown with what is known of it?
#include "model/process_description.h"

#include <clocale>
#include <utility>

#include "tests/catch.h"
#include "view/format/description.h"

using namespace timeslice;

namespace {

using Words = std::vector<std::string>;

// The test's own, until its end.
struct Locale {
  explicit Locale(const char* name) : before_(std::setlocale(LC_CTYPE, nullptr)) {
    REQUIRE(std::setlocale(LC_CTYPE, name) != nullptr);
  }
  ~Locale() { std::setlocale(LC_CTYPE, before_.c_str()); }

 private:
  std::string before_;
};

std::string shown(const model::ProcessDescription& process) {
  std::string text;
  view::append_description(text, process);
  return text;
}

}  // namespace

TEST_CASE("a Node's short name is its script's, without folders and flags") {
  const std::vector<std::pair<Words, std::string>> names = {
      {{"node", "server.js"}, "server.js"},
      {{"/usr/bin/node", "/srv/app/server.js", "--port", "1"}, "server.js"},
      {{"node22", "a.mjs"}, "a.mjs"},
      {{"nodejs", "a.js"}, "a.js"},
      {{"node", "-r", "x", "server.js"}, "server.js"},
      {{"node", "--require=x", "server.js"}, "server.js"},
      {{"node", "--import", "x", "--inspect", "--max-old-space-size=9", "server.js"}, "server.js"},
      {{"node", "--inspect=0.0.0.0:9229", "server.js", "-e"}, "server.js"},
      {{"node", "--", "-e.js"}, "-e.js"},
      {{"node", "-e", "secret()"}, "node -e"},
      {{"node", "-r", "x", "--eval=secret()"}, "node -e"},
      {{"node", "-pe", "secret()"}, "node -e"},
      {{"node"}, "node"},
      {{"node", "--inspect", "--"}, "node"},
      {{"node", "-r"}, "node"},
      {{"node", "/srv/app/"}, "app"},
      {{"node", "."}, "."},
      {{"node", "/"}, "/"},
      {{"node", ""}, ""},
      {{"node /srv/my app/server.js"}, "server.js"},  // a title, as PM2 makes it
      // No Node's words, or a title that the program has chosen.
      {{"python3", "/srv/app.py"}, "python3 /srv/app.py"},
      {{"nodemon", "server.js"}, "nodemon server.js"},
      {{"/opt/nodes/run", "x.js"}, "/opt/nodes/run x.js"},
      {{"my title"}, "my title"},
      {{}, ""},
  };
  for (const auto& [words, name] : names) {
    CAPTURE(words);
    CHECK(model::short_name(words) == name);
  }
}

TEST_CASE("a process's line has what is known of it") {
  model::ProcessDescription process{.tgid = 7, .name = "server.js"};
  {
    const Locale utf8("C.UTF-8");
    CHECK(shown(process) == "server.js");
    process.cluster = model::ClusterRole::worker;
    process.ports = {3000};
    process.uptime_ns = 7'200'000'000'000;
    CHECK(shown(process) == "server.js · cluster worker · :3000 · up 2.0 h");
  }
  const Locale plain("C");
  process.cluster = model::ClusterRole::primary;
  process.ports = {1, 2, 3, 4};
  CHECK(shown(process) == "server.js, cluster primary, :1, :2, :3, ..., up 2.0 h");
  CHECK(shown({.name = "a\x1b[31m\nb\xff"}) == "a?[31m?b?");
  CHECK(shown({.name = std::string(100'000, 'x')}).size() == 72);
}
