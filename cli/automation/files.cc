#include "cli/automation/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <span>

#include "sysfs/base/fd.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

// Folders that nobody else puts anything into.
constexpr const char* kOwnFolders[] = {"/usr/lib/vassign", "/usr/lib/dracut/modules.d/90vassign"};

base::Status MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return base::FailErrno("make the folder " + folder.string(), error.value());
  return {};
}

base::Status Sync(const base::Fd& fd, const std::string& path) {
  if (::fsync(fd.raw()) < 0) return base::FailErrno("write " + path + " to its disk", errno);
  return {};
}

base::Status SyncFolder(const fs::path& folder) {
  return Sync(TRY(base::OpenFile(folder, O_RDONLY | O_DIRECTORY)), folder);
}

base::Status WriteNew(const std::string& path, std::string_view text, unsigned mode) {
  const base::Fd fd = TRY(base::OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  TRY(base::WriteAll(fd, std::as_bytes(std::span(text))));
  if (::fchmod(fd.raw(), mode) < 0) return base::FailErrno("set the mode of " + path, errno);
  return Sync(fd, path);
}

bool IsInstalled(const std::string& path, const InstalledFile& file) {
  std::error_code error;
  if (file.is_link) return fs::read_symlink(path, error) == file.text && !error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() != fs::file_type::regular ||
      (static_cast<unsigned>(status.permissions()) & 07777) != file.mode)
    return false;
  const auto text = base::ReadFile(path);
  return text && *text == file.text;
}

base::Status Link(const std::string& path, const std::string& target) {
  const fs::path folder = fs::path(path).parent_path();
  TRY(MakeFolder(folder));
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  if (::symlink(target.c_str(), fresh.c_str()) < 0)
    return base::FailErrno("create the link " + fresh, errno);
  if (::rename(fresh.c_str(), path.c_str()) < 0) return base::FailErrno("replace " + path, errno);
  return SyncFolder(folder);
}

}  // namespace

std::vector<InstalledFile> FilesToInstall(const std::string& udev_rules) {
  std::vector<InstalledFile> files = StaticFiles();
  files.push_back({kRulesPath, udev_rules});
  return files;
}

base::Status WriteWhole(const std::string& path, std::string_view text, unsigned mode) {
  const fs::path folder = fs::path(path).parent_path();
  TRY(MakeFolder(folder));
  const std::string fresh = path + ".new";
  if (auto status = WriteNew(fresh, text, mode); !status) {
    ::unlink(fresh.c_str());
    return status;
  }
  if (::rename(fresh.c_str(), path.c_str()) < 0) {
    const int error = errno;
    ::unlink(fresh.c_str());
    return base::FailErrno("replace " + path, error);
  }
  return SyncFolder(folder);
}

base::Result<std::vector<std::string>> InstallFiles(const std::string& root,
                                                    const std::vector<InstalledFile>& files) {
  std::vector<std::string> written;
  for (const InstalledFile& file : files) {
    const std::string path = root + file.path;
    if (IsInstalled(path, file)) continue;
    if (file.is_link) {
      TRY(Link(path, file.text));
    } else {
      TRY(WriteWhole(path, file.text, file.mode));
    }
    written.push_back(path);
  }
  return written;
}

base::Result<std::vector<std::string>> RemoveFiles(const std::string& root,
                                                   const std::vector<InstalledFile>& files) {
  std::vector<std::string> removed;
  for (const InstalledFile& file : files) {
    const std::string path = root + file.path;
    if (::unlink(path.c_str()) == 0) {
      removed.push_back(path);
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return base::FailErrno("remove " + path, errno);
    }
  }
  for (const char* folder : kOwnFolders) ::rmdir((root + folder).c_str());
  return removed;
}

}  // namespace cli
