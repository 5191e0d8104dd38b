// A folder for as long as a program needs it.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace cli {

// Removed with all that is in it when this dies, or the process does, even by SIGKILL: a child in a
// session of its own waits for that.
class ScratchFolder {
 public:
  // In $TMPDIR or /tmp.
  static base::Result<ScratchFolder> Make(std::string_view prefix);
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  const std::string& path() const { return path_; }

 private:
  ScratchFolder(std::string path, base::Fd life, pid_t keeper)
      : path_(std::move(path)), life_(std::move(life)), keeper_(keeper) {}

  std::string path_;
  base::Fd life_;  // the keeper reads its end
  pid_t keeper_;
};

}  // namespace cli
