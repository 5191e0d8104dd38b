// A folder of a test's own, gone with the object.
#pragma once

#include <stdlib.h>
#include <sys/statvfs.h>

#include <filesystem>
#include <string>

namespace test {

// Where making a file and writing it durably is quick, if there is such a place from which programs
// may be started. On ext4 a test that makes and removes many small files spends more time on
// looking for an inode that was not removed just now than on its own work.
inline std::filesystem::path InMemory() {
  struct statvfs facts = {};
  const bool is_fit = ::statvfs("/dev/shm", &facts) == 0 && (facts.f_flag & ST_NOEXEC) == 0;
  return is_fit ? "/dev/shm" : std::filesystem::temp_directory_path();
}

// For what depends on the file system: holes, direct access, locks.
inline std::filesystem::path OnDisk() { return std::filesystem::temp_directory_path(); }

class TempFolder {
 public:
  TempFolder() : TempFolder(InMemory()) {}
  explicit TempFolder(const std::filesystem::path& parent) {
    std::string pattern = parent / "vassign-test-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  // Empty when there is none.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace test
