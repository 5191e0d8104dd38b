// A base::Kernel whose files are memory and whose ioctls are scripted.
//
// Open gives a memfd, so that pread, pwrite and mmap are real. An ioctl goes to the handler of its
// file (HandleFile, HandlePath), otherwise to the handler of its name (On); one that nobody handles
// fails the test. Everything is recorded in order, closing included: "open /dev/vfio/14",
// "VFIO_SET_IOMMU", "close /dev/vfio/14". Thread safe; dies after the code under test.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/kernel.h"

namespace test {

// The ioctl's result, or the negated errno.
using IoctlReply = std::function<int(unsigned long request, void* argument)>;
// The same, knowing the request's name.
using FileHandler =
    std::function<int(unsigned long request, void* argument, std::string_view name)>;

class ScriptedKernel : public base::Kernel {
 public:
  ScriptedKernel();
  ScriptedKernel(const ScriptedKernel&) = delete;
  ScriptedKernel& operator=(const ScriptedKernel&) = delete;
  ~ScriptedKernel() override;

  // What an ioctl of this name answers from now on; `Reply` without looking at its argument.
  void On(const std::string& name, IoctlReply reply);
  void Reply(const std::string& name, int result) {
    On(name, [result](unsigned long, void*) { return result; });
  }
  // What the ioctls on every file opened under this path answer; kNotHandled leaves one to On.
  void HandlePath(const std::string& path, FileHandler handler);
  static constexpr int kNotHandled = -100000;
  // Opening this path gives what `open` gives, for files that hold something.
  void OnOpen(const std::string& path, std::function<base::Fd()> open);

  // Opening this path fails with `err` (0: works again).
  void FailOpen(const std::string& path, int err);
  // The n-th recorded open or ioctl from now on (1: the next) fails with `err`, once.
  void FailCall(unsigned n, int err);

  // A file that the test makes: a memfd of `size` bytes, recorded as `name` when it is closed.
  base::Fd MakeFile(const std::string& name, uint64_t size, FileHandler handler = nullptr);
  // Another descriptor of a memfd's bytes, recorded as `name` when it is closed.
  base::Fd Reopen(const base::Fd& memory, const std::string& name, FileHandler handler);

  base::Result<base::Fd> Open(const std::string& path, int flags) override;
  base::Result<int> Ioctl(const base::Fd& fd, unsigned long request, void* argument,
                          std::string_view name) override;

  // All opens, ioctls and closes so far.
  std::vector<std::string> journal();
  // How often `entry` is in it.
  unsigned count(std::string_view entry);
  // Files that are open now, by the names they were opened with.
  std::vector<std::string> open_files();
  void ClearJournal();

 private:
  struct File {
    std::string name;
    FileHandler handler;
  };
  base::Fd MakeFileLocked(const std::string& name, uint64_t size, FileHandler handler);
  void Watch(const base::Fd& fd, const std::string& name, FileHandler handler);
  // Moves what has been closed since into the journal.
  void CollectCloses();
  // The errno to fail with now, or 0.
  int TakeFailure();

  std::mutex mutex_;
  base::Fd notify_;                     // inotify: a memfd tells when its last reference is closed
  std::map<int, std::string> watched_;  // names of open files by watch
  std::map<uint64_t, File> files_;      // by inode number
  std::map<std::string, IoctlReply, std::less<>> replies_;
  std::map<std::string, FileHandler, std::less<>> paths_;
  std::map<std::string, std::function<base::Fd()>, std::less<>> openers_;
  std::map<std::string, int, std::less<>> open_failures_;
  unsigned calls_until_failure_ = 0;
  int failure_ = 0;
  std::vector<std::string> journal_;
};

}  // namespace test
