#include "vmm/virtio/console/open_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace vmm::virtio {

base::Result<base::Fd> OpenConsoleFile(const std::string& path) {
  auto file = base::OpenFile(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, 0644);
  if (!file && file.error().err() == ENXIO) {
    return base::Fail(base::Code::kUnfit, path + ": nobody reads it",
                      "start the FIFO's reader first");
  }
  base::Fd fd = TRY(std::move(file));
  struct stat facts {};
  if (::fstat(fd.raw(), &facts) != 0) return base::FailErrno(path, errno);
  if (!S_ISBLK(facts.st_mode)) return fd;
  return base::Fail(base::Code::kUsage, path + ": a block device is no console's output",
                    "give a file, a FIFO or a terminal");
}

}  // namespace vmm::virtio
