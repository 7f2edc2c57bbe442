// SPDX-License-Identifier: MIT
// What becomes of an operation when the process has reached a limit: of a file's size, of memory?
#include <new>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

TEST_ON_EACH_BACKEND(
    "a file at the process's size limit is a result, and doesn't end the program") {
  const UniqueFd file = temporary_file("");
  ::signal(SIGXFSZ, SIG_DFL);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit limit{1, before.rlim_max};
  GuardedLoop loop(options);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const int first = perform(loop, operations::write(file.get(), "a", 1, 0));
  const int second = perform(loop, operations::write(file.get(), "b", 1, 1));
  const int third = perform(loop, operations::write(file.get(), "c", 1, kCurrentPosition));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(first == 1);
  CHECK(second == -EFBIG);
  CHECK(third == 1);  // over the first: nothing has moved the position
  CHECK(content_of(file.get()) == "c");
}

TEST_ON_EACH_BACKEND("a job that gets no memory fails, and doesn't end the program") {
  Request request;
  GuardedLoop loop(options);
  int result = 0;
  loop.work(
      request, [] { throw std::bad_alloc(); }, [&](Request& done) { result = done.result(); });
  loop.run();
  CHECK(result == -ENOMEM);
}

}  // namespace timeslice::loop::test
