// Questions that the kernel may never answer, asked by a child process.
//
// Who comes to a lock inside the kernel (a device's, the network's rtnl) sleeps uninterruptibly for
// as long as a driver's stuck probe or remove function holds it. A thread in that state would keep
// the whole process from ending, so a child asks, and who waits for it gives up. A child that is
// left behind ends by itself when the lock is free.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace sysfs {

// "pid 1234 waits in vfio_unregister_group_dev": where a process is in the kernel, as far as we may
// know it.
std::string DescribeWait(int pid);

struct Pipe {
  base::Fd reading;
  base::Fd writing;
};
base::Result<Pipe> MakePipe();

// In a child that may outlive the program: its standard input and output are these (the null device
// where there is none), and nothing else of ours stays open; not a lock, and not a pipe that
// somebody reads until its end. A terminal's signals are for the program. False when the kernel
// refuses.
bool StandApart(const base::Fd* in, const base::Fd& out);

// An answer on its way through a pipe; hints are left behind.
std::string FormatAnswer(const base::Result<std::string>& answer);
// Nothing while a part of it is missing.
std::optional<base::Result<std::string>> ParseAnswer(std::string_view text);

// What a child writes, as it comes.
class AnswerPipe {
 public:
  enum class Arrival : uint8_t { kText, kLate, kEnd };

  AnswerPipe() = default;
  explicit AnswerPipe(base::Fd reading) : reading_(std::move(reading)) {}
  // Waits for more until then.
  Arrival Await(std::chrono::steady_clock::time_point end);
  std::string& text() { return text_; }

 private:
  base::Fd reading_;
  std::string text_;
};

// Not thread safe: made for a program of one thread (fork).
class Apart {
 public:
  explicit Apart(std::chrono::milliseconds patience) : patience_(patience) {}

  // What the question gives in the child. kTimedOut when that takes longer, and at once from then
  // on as long as the child waits; an errno of our own side (ENOMEM, EMFILE) when none could be
  // started, EIO when it died. `what` is asked for, in messages: "the network's interfaces".
  base::Result<std::string> Ask(std::string_view what,
                                const std::function<base::Result<std::string>()>& question);

 private:
  base::Failure Late(std::string_view what) const;

  std::chrono::milliseconds patience_;
  pid_t stuck_ = -1;
};

}  // namespace sysfs
