// The one thread that waits for descriptors: signals, the terminal, timers, device events, and what
// other threads post to it.
//
// Threads: Post and Stop from any thread; all else from the thread that runs the loop (or before
// it runs). A callback may add and remove watches, its own too.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm {

class EventLoop;

// A registered descriptor; ends with its handle. The loop and the descriptor outlive it.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();

 private:
  friend class EventLoop;
  Watch(EventLoop* loop, uint64_t id) : loop_(loop), id_(id) {}
  EventLoop* loop_ = nullptr;
  uint64_t id_ = 0;
};

enum class Wait : uint8_t { kReadable, kWritable };

class EventLoop {
 public:
  static base::Result<std::unique_ptr<EventLoop>> Create();
  class Key;
  EventLoop(Key key, base::Fd epoll, base::EventFd wake);  // for Create alone
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() = default;

  // Calls back while the descriptor is readable (or writable) or its other end is gone (a read then
  // says so). A descriptor has one watch at a time. A regular file cannot be waited for: kUsage.
  base::Result<Watch> Add(const base::Fd& fd, std::function<void()> callback,
                          Wait wait = Wait::kReadable);

  // Runs `function` on the loop's thread, after what was posted before has run and is gone.
  void Post(std::function<void()> function);

  // On the loop's thread: whoever shares its processor may run first (sched_yield(2)), once between
  // two waits. Whether they could: the rest of the loop waits as long.
  bool Yield();

  // Until Stop. Only fails when waiting fails.
  base::Status Run();
  // Run returns after the callback at hand. Before Run, the next Run returns at once.
  void Stop();

 private:
  friend class Watch;
  struct Entry {
    int fd;
    std::function<void()> callback;
  };
  void Remove(uint64_t id);
  void Dispatch(uint64_t id);
  void RunPosted();

  base::Fd epoll_;
  base::EventFd wake_;
  std::map<uint64_t, std::shared_ptr<Entry>> entries_;  // by a number that is never used again
  uint64_t next_id_ = 1;
  bool yielded_ = false;  // since the last wait

  std::mutex mutex_;  // of the two below
  std::vector<std::function<void()>> posted_;
  bool stop_ = false;
};

// Calls back once after a time. The loop outlives it.
class Timer {
 public:
  static base::Result<std::unique_ptr<Timer>> Create(EventLoop& loop,
                                                     std::function<void()> callback);
  class Key;
  Timer(Key key, base::Fd fd, std::function<void()> callback);  // for Create alone
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() = default;

  // Starts anew; zero means as soon as the loop runs.
  base::Status Arm(std::chrono::nanoseconds delay);
  base::Status Disarm();

 private:
  void Expired();

  base::Fd fd_;
  std::function<void()> callback_;
  Watch watch_;
};

}  // namespace vmm
