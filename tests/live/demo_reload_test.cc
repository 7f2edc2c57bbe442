// SPDX-License-Identifier: MIT
// Does a stranger's client notice that all workers of the demo are replaced under it? wrk counts
// answers that aren't 2xx, and connections that were refused, reset or cut.
#include <signal.h>
#include <unistd.h>

#include <regex>

#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::live {

TEST_CASE("wrk sees no failed request while the demo's workers are replaced, twice") {
  if (access("/usr/bin/wrk", X_OK) != 0) SKIP_TEST("wrk isn't installed");
  // It speaks on stderr.
  Command demo(
      {"/bin/sh", "-c", R"(exec "$0" demo --cluster 2 --port 0 --seconds 60 2>&1)", timeslice()});
  const std::optional<std::string> hello = demo.line();
  REQUIRE(hello);
  std::smatch url;
  REQUIRE(std::regex_search(*hello, url, std::regex("http://[0-9.:]+")));

  Command wrk(
      {"/usr/bin/wrk", "-t", "1", "-c", "32", "-d", "4", "--timeout", "60s", url.str() + "/"});
  const std::optional<std::string> begun = wrk.line();
  REQUIRE(begun);
  CHECK(begun->find("Running") != std::string::npos);
  for (int reload = 0; reload < 2; ++reload) {
    demo.signal(SIGHUP);
    const std::optional<std::string> done = demo.line();
    REQUIRE(done);
    CHECK(*done == "all workers were replaced");
  }
  const Outcome outcome = wrk.finish();
  INFO(outcome.out << outcome.err);
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find(" requests in ") != std::string::npos);
  CHECK(outcome.out.find("Socket errors") == std::string::npos);
  CHECK(outcome.out.find("Non-2xx") == std::string::npos);
  demo.signal(SIGTERM);
  CHECK(demo.finish().status == 0);
}

}  // namespace timeslice::live
