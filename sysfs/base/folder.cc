#include "sysfs/base/folder.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

namespace base {
namespace {

struct CloseStream {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

// readdir(3) tells its end from an error by errno alone.
const dirent* Next(DIR* stream) {
  const dirent* entry = nullptr;
  do {
    errno = 0;
    entry = ::readdir(stream);
  } while (entry == nullptr && errno == EINTR);
  return entry;
}

}  // namespace

Result<std::vector<std::string>> NamesIn(Fd folder, const std::string& path) {
  const std::unique_ptr<DIR, CloseStream> stream(::fdopendir(folder.raw()));
  if (stream == nullptr) return FailErrno(path, errno);
  static_cast<void>(folder.Release());  // the stream owns it now
  std::vector<std::string> names;
  while (const dirent* entry = Next(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return FailErrno(path, errno);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::string>> NamesIn(const std::string& path) {
  return NamesIn(TRY(OpenFile(path, O_RDONLY | O_DIRECTORY)), path);
}

}  // namespace base
