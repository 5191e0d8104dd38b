#include "vmm/event_loop.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

namespace vmm {
namespace {

constexpr uint64_t kWakeId = 0;

base::Status Register(const base::Fd& epoll, int fd, uint64_t id, Wait wait) {
  epoll_event event{};
  event.events = wait == Wait::kReadable ? EPOLLIN : EPOLLOUT;
  event.data.u64 = id;
  if (::epoll_ctl(epoll.raw(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  if (errno == EPERM) return base::Fail(base::Code::kUsage, "a regular file cannot be waited for");
  return base::FailErrno("epoll_ctl", errno);
}

}  // namespace

Watch::Watch(Watch&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), id_(other.id_) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  std::swap(loop_, other.loop_);
  std::swap(id_, other.id_);
  return *this;
}

Watch::~Watch() {
  if (loop_ != nullptr) loop_->Remove(id_);
}

class EventLoop::Key {};
class Timer::Key {};

EventLoop::EventLoop(Key, base::Fd epoll, base::EventFd wake)
    : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

base::Result<std::unique_ptr<EventLoop>> EventLoop::Create() {
  base::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return base::FailErrno("epoll_create1", errno);
  base::EventFd wake = TRY(base::EventFd::Create());
  TRY(Register(epoll, wake.fd().raw(), kWakeId, Wait::kReadable));
  return std::make_unique<EventLoop>(Key(), std::move(epoll), std::move(wake));
}

base::Result<Watch> EventLoop::Add(const base::Fd& fd, std::function<void()> callback, Wait wait) {
  const uint64_t id = next_id_++;
  TRY(Register(epoll_, fd.raw(), id, wait));
  entries_[id] = std::make_shared<Entry>(Entry{fd.raw(), std::move(callback)});
  return Watch(this, id);
}

void EventLoop::Remove(uint64_t id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  ::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, found->second->fd, nullptr);
  entries_.erase(found);
}

void EventLoop::Dispatch(uint64_t id) {
  if (id == kWakeId) return RunPosted();
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;                // removed by a callback of the same round
  const std::shared_ptr<Entry> held = found->second;  // it may remove itself
  held->callback();
}

void EventLoop::RunPosted() {
  static_cast<void>(wake_.Take());
  std::vector<std::function<void()>> functions;
  {
    const std::lock_guard lock(mutex_);
    functions.swap(posted_);
  }
  for (auto& function : functions) {
    function();
    function = nullptr;
  }
}

void EventLoop::Post(std::function<void()> function) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
  }
  static_cast<void>(wake_.Signal());
}

void EventLoop::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  static_cast<void>(wake_.Signal());
}

bool EventLoop::Yield() {
  if (std::exchange(yielded_, true)) return false;
  ::sched_yield();
  return true;
}

base::Status EventLoop::Run() {
  std::array<epoll_event, 16> events;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(stop_, false)) return {};
    }
    yielded_ = false;
    const int count =
        ::epoll_wait(epoll_.raw(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) return base::FailErrno("epoll_wait", errno);
    for (int i = 0; i < count; ++i) Dispatch(events[static_cast<size_t>(i)].data.u64);
  }
}

Timer::Timer(Key, base::Fd fd, std::function<void()> callback)
    : fd_(std::move(fd)), callback_(std::move(callback)) {}

base::Result<std::unique_ptr<Timer>> Timer::Create(EventLoop& loop,
                                                   std::function<void()> callback) {
  base::Fd fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd.valid()) return base::FailErrno("timerfd_create", errno);
  auto timer = std::make_unique<Timer>(Key(), std::move(fd), std::move(callback));
  timer->watch_ = TRY(loop.Add(timer->fd_, [raw = timer.get()] { raw->Expired(); }));
  return timer;
}

base::Status Timer::Arm(std::chrono::nanoseconds delay) {
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t count = std::max<int64_t>(delay.count(), 1);  // zero would disarm
  itimerspec spec{};
  spec.it_value.tv_sec = count / kSecond;
  spec.it_value.tv_nsec = count % kSecond;
  if (::timerfd_settime(fd_.raw(), 0, &spec, nullptr) != 0)
    return base::FailErrno("timerfd_settime", errno);
  return {};
}

base::Status Timer::Disarm() {
  const itimerspec none{};
  if (::timerfd_settime(fd_.raw(), 0, &none, nullptr) != 0)
    return base::FailErrno("timerfd_settime", errno);
  return {};
}

void Timer::Expired() {
  uint64_t count = 0;
  // Nothing to read when it was armed anew or disarmed in the same round.
  if (::read(fd_.raw(), &count, sizeof count) != sizeof count) return;
  const auto callback = callback_;  // it may end this timer
  callback();
}

}  // namespace vmm
