// SPDX-License-Identifier: MIT
// Example: which way did an operation go, and how is its time limited? The route says the first,
// where it is known; a limit makes -ETIMEDOUT, and a cancel -ECANCELED, of what wasn't done by
// then.
#include <poll.h>

#include <string>

#include "loop/core/loop.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

TEST_CASE("example: the way of a file's bytes is told") {
  ON_EACH_BACKEND(options);
  options.observe_routes = true;  // on a ring: at the price of a call a turn
  options.ring_entries = 8;
  options.pool_size = 1;
  const UniqueFd file = temporary_file("content");
  char letter = 0;
  Request reading;
  GuardedLoop loop(options);
  std::string route;
  loop.read(reading, file.get(), &letter, 1, 3,
            [&](Request& read) { route = name_of(read.route()); });
  loop.run();
  CHECK(letter == 't');
  const std::string backend = loop.backend_name();
  if (backend == "pool") CHECK(route == name_of(Route::pool_thread));
  if (backend == "blocking") CHECK(route == name_of(Route::inline_));
  if (backend == "uring") CHECK(route != name_of(Route::pool_thread));
}

TEST_ON_EACH_BACKEND("example: what takes too long is ended") {
  Pipe pipe;
  Request limited, unlimited;
  GuardedLoop loop(options);
  int late = 0, cancelled = 0;
  loop.poll(unlimited, pipe.out.get(), POLLIN, [&](Request& poll) { cancelled = poll.result(); });
  loop.poll(limited, pipe.out.get(), POLLIN, [&](Request& poll) {
    late = poll.result();
    unlimited.cancel();
  });
  limited.expire_after(5ms);
  loop.run();
  CHECK(late == -ETIMEDOUT);
  CHECK(cancelled == -ECANCELED);
}

}  // namespace timeslice::loop::test
