#include "vmm/thread.h"

#include <csignal>
#include <utility>

namespace vmm {
namespace {

// Without SA_RESTART, so that the call ends. Installed once; the signal is ours alone.
int KickSignal() {
  static const int number = [] {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGRTMIN, &action, nullptr);
    return SIGRTMIN;
  }();
  return number;
}

}  // namespace

base::Result<Thread> Thread::Start(const std::string& name, std::function<void()> body) {
  KickSignal();
  Thread thread;
  thread.shared_ = std::make_shared<Shared>();
  thread.shared_->name = name.substr(0, 15);
  thread.shared_->body = std::move(body);
  // The new thread owns a share of its own, handed over through the one pointer it gets.
  auto argument = std::make_unique<std::shared_ptr<Shared>>(thread.shared_);
  const int err = ::pthread_create(&thread.handle_, nullptr, Main, argument.get());
  if (err != 0) {
    thread.shared_.reset();
    auto failure = base::FailErrno("start thread " + name, err);
    return base::Failure(std::move(failure.value())
                             .WithHint("raise the limit of processes (ulimit -u) or free memory"));
  }
  static_cast<void>(argument.release());
  return thread;
}

void* Thread::Main(void* argument) {
  const std::unique_ptr<std::shared_ptr<Shared>> holder(
      static_cast<std::shared_ptr<Shared>*>(argument));
  Shared& shared = **holder;
  ::pthread_setname_np(::pthread_self(), shared.name.c_str());
  shared.body();
  const std::lock_guard lock(shared.mutex);
  shared.ended = true;
  shared.ended_change.notify_all();
  return nullptr;
}

Thread& Thread::operator=(Thread&& other) noexcept {
  if (this != &other) {
    Join();
    handle_ = other.handle_;
    shared_ = std::move(other.shared_);
  }
  return *this;
}

void Thread::Kick() const {
  if (shared_ != nullptr) ::pthread_kill(handle_, KickSignal());
}

bool Thread::WaitUntil(std::chrono::steady_clock::time_point deadline) const {
  if (shared_ == nullptr) return true;
  std::unique_lock lock(shared_->mutex);
  return shared_->ended_change.wait_until(lock, deadline, [&] { return shared_->ended; });
}

void Thread::Join() {
  if (shared_ == nullptr) return;
  ::pthread_join(handle_, nullptr);
  shared_.reset();
}

void Thread::Abandon() {
  if (shared_ == nullptr) return;
  ::pthread_detach(handle_);
  shared_.reset();
}

}  // namespace vmm
