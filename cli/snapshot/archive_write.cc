#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>

#include "cli/snapshot/archive.h"
#include "cli/snapshot/archive_library.h"
#include "sysfs/base/fd.h"

namespace cli {
namespace {

struct FreeArchive {
  void operator()(archive* one) const { archive_write_free(one); }
};
struct FreeEntry {
  void operator()(archive_entry* one) const { archive_entry_free(one); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

struct Compression {
  std::string_view suffix;
  int (*add)(archive*);
};
constexpr std::array<Compression, 5> kCompressions = {{
    {".tar", archive_write_add_filter_none},
    {".tar.gz", archive_write_add_filter_gzip},
    {".tgz", archive_write_add_filter_gzip},
    {".tar.xz", archive_write_add_filter_xz},
    {".tar.zst", archive_write_add_filter_zstd},
}};

const Compression* CompressionOf(const std::string& file) {
  for (const Compression& one : kCompressions) {
    if (file.ends_with(one.suffix)) return &one;
  }
  return nullptr;
}

base::Failure Failed(archive* one, const std::string& file) {
  const char* why = archive_error_string(one);
  const std::string what = file + ": " + (why == nullptr ? "not written" : why);
  const int number = archive_errno(one);
  if (number <= 0) return base::Fail(base::Code::kKernel, what);
  auto error = base::FailErrno(what, number).value();
  if (number != ENOSPC && number != EDQUOT) return base::Failure(std::move(error));
  constexpr const char* kCure = "name a file where there is room, or a compressed one (.tar.xz)";
  return base::Failure(std::move(error).WithHint(kCure));
}

class Writer {
 public:
  Writer(archive* to, const std::string& file) : to_(to), file_(file) {}

  base::Status Folder(const std::string& path) { return Add(path, AE_IFDIR, 0755, "", ""); }
  base::Status File(const std::string& path, const std::string& content) {
    return Add(path, AE_IFREG, 0644, content, "");
  }
  base::Status Link(const std::string& path, const std::string& target) {
    return Add(path, AE_IFLNK, 0777, "", target);
  }

 private:
  base::Status Add(const std::string& path, unsigned type, unsigned mode,
                   const std::string& content, const std::string& target) {
    const Entry entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str() + 1);  // relative
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), static_cast<mode_t>(mode));
    archive_entry_set_size(entry.get(), static_cast<int64_t>(content.size()));
    if (type == AE_IFLNK) archive_entry_set_symlink(entry.get(), target.c_str());
    if (archive_write_header(to_, entry.get()) != ARCHIVE_OK) return Failed(to_, file_);
    if (archive_write_data(to_, content.data(), content.size()) < 0) return Failed(to_, file_);
    return {};
  }

  archive* to_;
  const std::string& file_;
};

base::Status WriteAll(const Recording& recording, archive* to, const std::string& file) {
  Writer writer(to, file);
  for (const std::string& path : EmptyFolders(recording)) TRY(writer.Folder(path));
  for (const auto& [path, content] : recording.files) TRY(writer.File(path, content));
  for (const auto& [path, target] : recording.links) TRY(writer.Link(path, target));
  if (archive_write_close(to) != ARCHIVE_OK) return Failed(to, file);
  return {};
}

// Gone with this unless it became the file.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  base::Status Become(const std::string& file, bool overwrite) {
    const unsigned flags = overwrite ? 0 : RENAME_NOREPLACE;
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, file.c_str(), flags) < 0)
      return base::FailErrno(file, errno);
    path_.clear();
    return {};
  }

 private:
  std::string path_;
};

base::Status CheckAbsent(const std::string& file) {
  if (::access(file.c_str(), F_OK) < 0) return {};
  return base::Fail(base::Code::kUsage, file + ": exists already",
                    "name another file, or replace this one with --overwrite");
}

}  // namespace

base::Status CheckArchiveName(const std::string& file) {
  if (CompressionOf(file) != nullptr) return {};
  return base::Fail(base::Code::kUsage, file + ": the suffix says no kind of archive",
                    "name it .tar, .tar.gz, .tar.xz or .tar.zst");
}

base::Status WriteArchive(const Recording& recording, const std::string& file,
                          const ArchiveOptions& options) {
  TRY(CheckArchiveName(file));
  TRY(ArchiveLibrary().Load());
  if (!options.overwrite) TRY(CheckAbsent(file));
  std::string path = file + ".XXXXXX";
  base::Fd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd.valid()) {
    const int why = errno;
    const size_t slash = file.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : file.substr(0, slash + 1);
    auto error = base::FailErrno("folder " + folder + ": no file can be made in it", why).value();
    return base::Failure(std::move(error).WithHint("name a file in a folder that is yours"));
  }
  Unfinished unfinished(path);
  if (!options.is_private && ::fchmod(fd.raw(), 0644) < 0) return base::FailErrno(path, errno);
  const Archive to(archive_write_new());
  archive_write_set_format_pax_restricted(to.get());
  if (CompressionOf(file)->add(to.get()) != ARCHIVE_OK ||
      archive_write_open_fd(to.get(), fd.raw()) != ARCHIVE_OK)
    return Failed(to.get(), file);
  TRY(WriteAll(recording, to.get(), file));
  return unfinished.Become(file, options.overwrite);
}

}  // namespace cli
