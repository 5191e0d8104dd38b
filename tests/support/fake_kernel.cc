#include "tests/support/fake_kernel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace test {
namespace {

// Instances of inotify that are not in use: the kernel takes some ten milliseconds to end one.
class NotifyPool {
 public:
  base::Fd Take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return base::Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    base::Fd taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }
  void GiveBack(base::Fd notify) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(notify));
  }

 private:
  std::mutex mutex_;
  std::vector<base::Fd> idle_;
};

NotifyPool& Pool() {
  static NotifyPool pool;
  return pool;
}

uint64_t InodeOf(const base::Fd& fd) {
  struct stat status {};
  return ::fstat(fd.raw(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

ScriptedKernel::ScriptedKernel() : notify_(Pool().Take()) {}

// Watches have numbers that do not come again, so that what is late for one reaches nobody.
ScriptedKernel::~ScriptedKernel() {
  CollectCloses();
  for (const auto& [watch, name] : watched_) ::inotify_rm_watch(notify_.raw(), watch);
  CollectCloses();
  Pool().GiveBack(std::move(notify_));
}

void ScriptedKernel::On(const std::string& name, IoctlReply reply) {
  const std::lock_guard lock(mutex_);
  replies_[name] = std::move(reply);
}

void ScriptedKernel::HandlePath(const std::string& path, FileHandler handler) {
  const std::lock_guard lock(mutex_);
  paths_[path] = std::move(handler);
}

void ScriptedKernel::FailOpen(const std::string& path, int err) {
  const std::lock_guard lock(mutex_);
  open_failures_[path] = err;
}

void ScriptedKernel::FailCall(unsigned n, int err) {
  const std::lock_guard lock(mutex_);
  calls_until_failure_ = n;
  failure_ = err;
}

base::Fd ScriptedKernel::MakeFile(const std::string& name, uint64_t size, FileHandler handler) {
  const std::lock_guard lock(mutex_);
  return MakeFileLocked(name, size, std::move(handler));
}

base::Fd ScriptedKernel::MakeFileLocked(const std::string& name, uint64_t size,
                                        FileHandler handler) {
  base::Fd fd(::memfd_create("scripted", MFD_CLOEXEC));
  EXPECT_TRUE(fd.valid()) << std::strerror(errno);
  EXPECT_EQ(::ftruncate(fd.raw(), static_cast<off_t>(size)), 0) << std::strerror(errno);
  Watch(fd, name, std::move(handler));
  return fd;
}

base::Fd ScriptedKernel::Reopen(const base::Fd& memory, const std::string& name,
                                FileHandler handler) {
  const std::lock_guard lock(mutex_);
  const std::string link = "/proc/self/fd/" + std::to_string(memory.raw());
  base::Fd fd(::open(link.c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_TRUE(fd.valid()) << std::strerror(errno);
  Watch(fd, name, std::move(handler));
  return fd;
}

void ScriptedKernel::Watch(const base::Fd& fd, const std::string& name, FileHandler handler) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd.raw());
  const int watch = ::inotify_add_watch(notify_.raw(), link.c_str(), IN_CLOSE);
  EXPECT_GE(watch, 0) << std::strerror(errno);
  watched_[watch] = name;
  files_[InodeOf(fd)] = {name, std::move(handler)};
}

void ScriptedKernel::OnOpen(const std::string& path, std::function<base::Fd()> open) {
  const std::lock_guard lock(mutex_);
  openers_[path] = std::move(open);
}

base::Result<base::Fd> ScriptedKernel::Open(const std::string& path, int /*flags*/) {
  std::unique_lock lock(mutex_);
  CollectCloses();
  journal_.push_back("open " + path);
  if (const int err = TakeFailure(); err != 0) return base::FailErrno(path, err);
  const auto failure = open_failures_.find(path);
  if (failure != open_failures_.end() && failure->second != 0)
    return base::FailErrno(path, failure->second);
  if (const auto opener = openers_.find(path); opener != openers_.end()) {
    const std::function<base::Fd()> open = opener->second;
    lock.unlock();
    return open();
  }
  const auto handler = paths_.find(path);
  return MakeFileLocked(path, 0, handler != paths_.end() ? handler->second : nullptr);
}

base::Result<int> ScriptedKernel::Ioctl(const base::Fd& fd, unsigned long request, void* argument,
                                        std::string_view name) {
  FileHandler file_handler;
  IoctlReply reply;
  {
    const std::lock_guard lock(mutex_);
    CollectCloses();
    journal_.emplace_back(name);
    if (const int err = TakeFailure(); err != 0) return base::FailErrno(name, err);
    if (const auto file = files_.find(InodeOf(fd)); file != files_.end())
      file_handler = file->second.handler;
    if (const auto named = replies_.find(name); named != replies_.end()) reply = named->second;
  }
  int result = file_handler ? file_handler(request, argument, name) : kNotHandled;
  if (result == kNotHandled && reply) result = reply(request, argument);
  if (result == kNotHandled) {
    ADD_FAILURE() << "nobody handles " << name;
    result = -ENOTTY;
  }
  if (result < 0) return base::FailErrno(name, -result);
  return result;
}

std::vector<std::string> ScriptedKernel::journal() {
  const std::lock_guard lock(mutex_);
  CollectCloses();
  return journal_;
}

unsigned ScriptedKernel::count(std::string_view entry) {
  const std::vector<std::string> all = journal();
  return static_cast<unsigned>(std::count(all.begin(), all.end(), entry));
}

std::vector<std::string> ScriptedKernel::open_files() {
  const std::lock_guard lock(mutex_);
  CollectCloses();
  std::vector<std::string> names;
  for (const auto& [watch, name] : watched_) names.push_back(name);
  return names;
}

void ScriptedKernel::ClearJournal() {
  const std::lock_guard lock(mutex_);
  CollectCloses();
  journal_.clear();
}

void ScriptedKernel::CollectCloses() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  while (true) {
    const ssize_t size = ::read(notify_.raw(), buffer.data(), buffer.size());
    if (size <= 0) return;
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      const auto file = watched_.find(event.wd);
      if (file == watched_.end()) continue;
      journal_.push_back("close " + file->second);
      watched_.erase(file);
    }
  }
}

int ScriptedKernel::TakeFailure() {
  if (calls_until_failure_ == 0 || --calls_until_failure_ > 0) return 0;
  return failure_;
}

}  // namespace test
