// SPDX-License-Identifier: MIT
// What does libuv cost, which Node runs on? `libuv_peer WORK COUNT DEPTH [WHERE]`, with its pool of
// four threads for files and its own ways for the rest: read_start with one shared buffer,
// try_write, timer_start and timer_stop, async_send.
#include <uv.h>

#include <atomic>
#include <deque>
#include <latch>
#include <thread>

#include "works.h"

namespace {

using b5::Meter;
using b5::Work;

int check(int result, const char* what) {
  if (result < 0) b5::die(what, -result);
  return result;
}

struct Reads;
struct ReadSlot {
  uv_fs_t request{};
  Reads* run = nullptr;
  uv_buf_t buffer{};
};

struct Reads {
  Reads(uv_loop_t* to_run, const Work& work)
      : loop(to_run),
        file(work.where, work.name == "read-warm"),
        left(work.count),
        buffers(work.depth) {
    for (long i = 0; i < work.depth; ++i) {
      ReadSlot& slot = slots.emplace_back();
      slot.run = this;
      slot.buffer = uv_buf_init(buffers.at(i), b5::kBlock);
      slot.request.data = &slot;
    }
  }
  void next(ReadSlot& slot) {
    if (left-- <= 0) return;
    check(uv_fs_read(loop, &slot.request, file.fd(), &slot.buffer, 1, file.next_offset(), done),
          "uv_fs_read");
  }
  static void done(uv_fs_t* request) {
    auto& slot = *static_cast<ReadSlot*>(request->data);
    b5::check_block(static_cast<long>(request->result));
    uv_fs_req_cleanup(request);
    slot.run->next(slot);
  }

  uv_loop_t* loop;
  b5::BlockFile file;
  long left;
  b5::Buffers buffers;
  std::deque<ReadSlot> slots;
};

int reads(uv_loop_t* loop, const Work& work, Meter& meter) {
  Reads run(loop, work);
  meter.start();
  for (ReadSlot& slot : run.slots) run.next(slot);
  uv_run(loop, UV_RUN_DEFAULT);
  meter.stop();
  meter.report(work.count);
  return 0;
}

struct EchoServer {
  EchoServer(uv_loop_t* loop, Meter& its_meter) : meter(its_meter) {
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &listener);
    listener.data = this;
    check(uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0), "bind");
    check(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 1024, welcome), "listen");
    int size = sizeof address;
    uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size);
    b5::announce(ntohs(address.sin_port));
  }
  static void welcome(uv_stream_t* listener, int status) {
    check(status, "a connection");
    auto& server = *static_cast<EchoServer*>(listener->data);
    auto* connection = new uv_tcp_t;
    uv_tcp_init(listener->loop, connection);
    connection->data = &server;
    auto* stream = reinterpret_cast<uv_stream_t*>(connection);
    check(uv_accept(listener, stream), "accept");
    uv_tcp_nodelay(connection, 1);
    if (server.open++ == 0 && server.bytes == 0) server.meter.start();
    check(uv_read_start(stream, lend, received), "uv_read_start");
  }
  static void lend(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    auto& server = *static_cast<EchoServer*>(handle->data);
    *buffer = uv_buf_init(server.data, sizeof server.data);
  }
  static void received(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
    if (size == 0) return;
    auto& server = *static_cast<EchoServer*>(stream->data);
    const uv_buf_t answer = uv_buf_init(buffer->base, static_cast<unsigned>(size));
    if (size < 0 || uv_try_write(stream, &answer, 1) != size) return server.leave(stream);
    server.bytes += size;
  }
  void leave(uv_stream_t* stream) {
    uv_close(reinterpret_cast<uv_handle_t*>(stream),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); });
    if (--open > 0) return;
    meter.stop();
    uv_close(reinterpret_cast<uv_handle_t*>(&listener), nullptr);
  }

  Meter& meter;
  uv_tcp_t listener{};
  long open = 0;
  long bytes = 0;
  char data[4096];
};

int echo(uv_loop_t* loop, Meter& meter) {
  EchoServer server(loop, meter);
  uv_run(loop, UV_RUN_DEFAULT);
  meter.report(server.bytes / long{b5::kMessage});
  return 0;
}

long fired = 0;

int timers(uv_loop_t* loop, const Work& work, Meter& meter) {
  const b5::TimerPlan plan(work);
  std::deque<uv_timer_t> all(plan.delay_ms.size());
  for (uv_timer_t& timer : all) uv_timer_init(loop, &timer);
  for (long round = 0; round < plan.rounds; ++round) {
    uv_update_time(loop);
    meter.start();
    for (std::size_t i = 0; i < all.size(); ++i)
      uv_timer_start(
          &all[i], [](uv_timer_t*) { ++fired; }, plan.delay_ms[i], 0);
    if (work.name == "timer-expire") {
      meter.stop();
      b5::TimerPlan::let_them_expire();
      meter.start();
      uv_run(loop, UV_RUN_DEFAULT);
    } else {
      for (const std::size_t i : plan.order) uv_timer_stop(&all[i]);
    }
    meter.stop();
  }
  if (fired != (work.name == "timer-expire" ? plan.all() : 0)) b5::die("timers lost", EIO);
  meter.report(plan.all());
  return 0;
}

// One end of the wakes: answers each, until `left` have come.
struct Sleeper {
  Sleeper(uv_loop_t* loop, long count) : left(count) {
    check(uv_async_init(loop, &async, woken), "uv_async_init");
    async.data = this;
  }
  static void woken(uv_async_t* async) {
    auto& self = *static_cast<Sleeper*>(async->data);
    const bool last = --self.left == 0;
    if (last) uv_close(reinterpret_cast<uv_handle_t*>(async), nullptr);
    if (self.answer) self.answer->give();
    if (self.other && (!last || self.answers_last)) uv_async_send(&self.other->async);
  }

  uv_async_t async{};
  long left;
  const b5::Answer* answer = nullptr;
  Sleeper* other = nullptr;
  bool answers_last = true;
};

int wake_from_thread(uv_loop_t* loop, const Work& work, Meter& meter) {
  const b5::Cpus cpus(work.where);
  const b5::Answer answer;
  Sleeper here(loop, work.count);
  here.answer = &answer;
  cpus.pin_first();
  meter.start();
  std::latch measured(1);  // until then the other thread stays, to be counted
  std::thread other([&] {
    cpus.pin_second();
    for (long i = 0; i < work.count; ++i) {
      uv_async_send(&here.async);
      answer.await();
    }
    measured.wait();
  });
  uv_run(loop, UV_RUN_DEFAULT);
  meter.stop();
  measured.count_down();
  other.join();
  meter.report(work.count);
  return 0;
}

int wake_two_loops(uv_loop_t* loop, const Work& work, Meter& meter) {
  const b5::Cpus cpus(work.where);
  uv_loop_t second;
  check(uv_loop_init(&second), "uv_loop_init");
  Sleeper here(loop, work.count);
  Sleeper there(&second, work.count);
  here.other = &there;
  here.answers_last = false;
  there.other = &here;
  cpus.pin_first();
  std::latch measured(1);  // until then the other thread stays, to be counted
  std::thread other([&] {
    cpus.pin_second();
    uv_run(&second, UV_RUN_DEFAULT);
    measured.wait();
  });
  meter.start();
  uv_async_send(&there.async);
  uv_run(loop, UV_RUN_DEFAULT);
  meter.stop();
  measured.count_down();
  other.join();
  uv_loop_close(&second);
  meter.report(work.count);
  return 0;
}

int run(uv_loop_t* loop, const Work& work, Meter& meter) {
  if (work.name.starts_with("read-")) return reads(loop, work, meter);
  if (work.name == "echo") return echo(loop, meter);
  if (work.name.starts_with("timer-")) return timers(loop, work, meter);
  if (work.name == "wake" && work.depth == 1) return wake_from_thread(loop, work, meter);
  if (work.name == "wake") return wake_two_loops(loop, work, meter);
  return b5::absent(work.name);
}

}  // namespace

int main(int argc, char** argv) {
  Meter meter;
  const Work work = b5::work_of(argc, argv);
  uv_loop_t loop;
  check(uv_loop_init(&loop), "uv_loop_init");
  const int code = run(&loop, work, meter);
  uv_loop_close(&loop);
  return code;
}
