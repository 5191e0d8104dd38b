#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "cli/snapshot/archive.h"
#include "cli/snapshot/archive_library.h"
#include "sysfs/base/fd.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

constexpr size_t kMostEntries = 4'000'000;
constexpr uint64_t kMostBytes = uint64_t{1} << 30;

struct FreeArchive {
  void operator()(archive* one) const { archive_read_free(one); }
};

base::Failure Unusable(const std::string& file, const std::string& why) {
  return base::Fail(base::Code::kUsage, file + ": " + why,
                    "--sysroot takes a folder, or a file that vassign snapshot has made");
}

// The names of a path from the top; none when it leads out.
std::optional<std::vector<std::string>> NamesOf(std::string_view path) {
  std::vector<std::string> names;
  for (const std::string_view part : base::Split(path, '/')) {
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") names.emplace_back(part);
  }
  return names;
}

class Unpacker {
 public:
  Unpacker(base::Fd root, std::string file) : root_(std::move(root)), file_(std::move(file)) {}

  base::Status Add(archive* from, archive_entry* entry) {
    const char* path = archive_entry_pathname(entry);
    auto names = NamesOf(path == nullptr ? ".." : path);
    if (!names) return Unusable(file_, "holds a path that leads out of it");
    if (names->empty()) return {};
    const std::string last = names->back();
    names->pop_back();
    const base::Fd folder = TRY(Enter(*names));
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR:
        if (::mkdirat(folder.raw(), last.c_str(), 0755) < 0 && errno != EEXIST) return Failed(path);
        return {};
      case AE_IFLNK:
        if (::symlinkat(archive_entry_symlink(entry), folder.raw(), last.c_str()) < 0)
          return Failed(path);
        return {};
      case AE_IFREG:
        return AddFile(from, folder, last, path);
      default:
        return Unusable(file_, "holds " + std::string(path) + ", which is no file, folder or link");
    }
  }

 private:
  base::Failure Failed(const std::string& path) const {
    return base::FailErrno(file_ + ": unpack " + path, errno);
  }

  // The folder of these names below the root, made where it is missing; never through a link.
  base::Result<base::Fd> Enter(const std::vector<std::string>& names) {
    constexpr size_t kDeepest = 64;
    if (names.size() > kDeepest) return Unusable(file_, "holds folders too deep");
    base::Fd at = TRY(root_.Duplicate());
    for (const std::string& name : names) {
      ::mkdirat(at.raw(), name.c_str(), 0755);
      base::Fd next(
          ::openat(at.raw(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next.valid()) return Failed(name);
      at = std::move(next);
    }
    return at;
  }

  base::Status AddFile(archive* from, const base::Fd& folder, const std::string& name,
                       const std::string& path) {
    const base::Fd fd(::openat(folder.raw(), name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd.valid()) return Failed(path);
    const void* block = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    while (true) {
      const int status = archive_read_data_block(from, &block, &size, &offset);
      if (status == ARCHIVE_EOF) return {};
      if (status != ARCHIVE_OK) return Unusable(file_, "is damaged");
      bytes_ += size;
      if (bytes_ > kMostBytes || static_cast<uint64_t>(offset) > kMostBytes)
        return Unusable(file_, "holds more than 1 GiB");
      const auto* data = static_cast<const std::byte*>(block);
      TRY(base::WriteAllAt(fd, {data, size}, static_cast<uint64_t>(offset)));
    }
  }

  base::Fd root_;
  std::string file_;
  uint64_t bytes_ = 0;
};

}  // namespace

base::Status UnpackArchive(const std::string& file, const std::string& folder) {
  constexpr size_t kBlock = 65536;
  TRY(ArchiveLibrary().Load());
  const std::unique_ptr<archive, FreeArchive> from(archive_read_new());
  archive_read_support_format_tar(from.get());
  // No other: some of them start programs.
  archive_read_support_filter_gzip(from.get());
  archive_read_support_filter_xz(from.get());
  archive_read_support_filter_zstd(from.get());
  if (archive_read_open_filename(from.get(), file.c_str(), kBlock) != ARCHIVE_OK)
    return Unusable(file, "is no archive");
  Unpacker unpacker(TRY(base::OpenFile(folder, O_PATH | O_DIRECTORY)), file);
  archive_entry* entry = nullptr;
  for (size_t count = 0;; ++count) {
    const int status = archive_read_next_header(from.get(), &entry);
    if (status == ARCHIVE_EOF && count > 0) return {};
    if (status != ARCHIVE_OK) return Unusable(file, count > 0 ? "is damaged" : "is no archive");
    if (count == kMostEntries) return Unusable(file, "holds too many files");
    TRY(unpacker.Add(from.get(), entry));
  }
}

base::Result<UnpackedSnapshot> UnpackedSnapshot::Open(const std::string& file) {
  ScratchFolder folder = TRY(ScratchFolder::Make("vassign-snapshot"));
  TRY(UnpackArchive(file, folder.path()));
  return UnpackedSnapshot(std::move(folder));
}

}  // namespace cli
