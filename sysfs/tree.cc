#include "sysfs/tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sysfs/base/fd.h"
#include "sysfs/base/folder.h"
#include "sysfs/base/text.h"
#include "sysfs/links.h"

namespace sysfs {
namespace {

using base::FailErrno;
using base::Fd;
using base::Result;

constexpr size_t kPage = 4096;
// More than any file of sysfs, proc or a configuration; a recorded host may hold anything.
constexpr size_t kLargestText = size_t{16} << 20;

// An attribute is at most one page and comes whole with the first read, so that a short read is its
// end. Other files (proc) give one record after the other.
bool IsAttribute(std::string_view path) { return path.starts_with("/sys/bus/pci/"); }

Result<std::string> ReadText(const Fd& fd, const std::string& path) {
  std::string text;
  std::array<char, kPage> chunk;
  while (true) {
    const ssize_t count = ::read(fd.raw(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno(path, errno);
    text.append(chunk.data(), static_cast<size_t>(count));
    const bool is_short = static_cast<size_t>(count) < chunk.size();
    if (count == 0 || (is_short && IsAttribute(path))) break;
    if (text.size() > kLargestText)
      return base::Fail(base::Code::kUsage, path + ": larger than 16 MiB");
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// For reading a file: as much as it holds, and a byte more that finds its end. Room for a generous
// limit would take longer to make than most files to read.
Result<size_t> FirstRoom(const Fd& fd, const std::string& path, size_t limit) {
  constexpr size_t kSmall = size_t{64} << 10;
  if (limit <= kSmall) return limit;
  struct stat status {};
  if (::fstat(fd.raw(), &status) != 0) return FailErrno(path, errno);
  const auto size = static_cast<size_t>(std::max<off_t>(status.st_size, 0));
  return std::min(limit, std::max(size + 1, kSmall));
}

// One class for both roots: on a recorded host a link, even an absolute one, cannot lead out of the
// root (openat2(2), RESOLVE_IN_ROOT). There the folder of the last look stays open, so that a
// device costs one such lookup and not one for each of its files.
class Host final : public Tree {
 public:
  explicit Host(std::string root) : root_(std::move(root)) {
    if (!running()) {
      base_ = base::OpenFile(root_, O_PATH | O_DIRECTORY);
    }
  }

  Result<std::string> Read(const std::string& path) const override {
    const Fd fd = TRY(OpenForReading(path));
    return ReadText(fd, path);
  }

  Result<std::vector<std::byte>> ReadBytes(const std::string& path, size_t limit) const override {
    const Fd fd = TRY(OpenForReading(path));
    std::vector<std::byte> bytes(TRY(FirstRoom(fd, path, limit)));
    size_t done = 0;
    while (done < limit) {
      if (done == bytes.size()) bytes.resize(std::min(limit, 2 * bytes.size()));
      const ssize_t count = ::read(fd.raw(), bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailErrno(path, errno);
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    bytes.resize(done);
    return bytes;
  }

  Result<std::string> ReadLink(const std::string& path) const override {
    std::array<char, kPage> target;
    const ssize_t size = TRY(ReadLinkInto(path, target));
    if (size < 0) return FailErrno(path, errno);
    return std::string(target.data(), static_cast<size_t>(size));
  }

  Result<std::vector<std::string>> List(const std::string& path) const override {
    return base::NamesIn(TRY(Open(path, O_RDONLY | O_DIRECTORY)), path);
  }

  bool Exists(const std::string& path) const override {
    // One that cannot be looked for is not absent.
    if (running()) return ::access(path.c_str(), F_OK) == 0 || errno == EIO || errno == ENOMEM;
    return Open(path, O_PATH).has_value();
  }

  base::Status Write(const std::string& path, std::string_view value) override {
    if (!running())
      return base::Fail(base::Code::kUsage, path + ": " + root_ + " is a recorded host",
                        "leave --sysroot away to change the running host");
    const Fd fd = TRY(Open(path, O_WRONLY));
    // Not repeated on EINTR: whether a driver took half a value is not ours to guess.
    const ssize_t count = ::write(fd.raw(), value.data(), value.size());
    if (count < 0) return FailErrno(path, errno);
    if (static_cast<size_t>(count) != value.size())
      return base::Fail(base::Code::kKernel, path + ": took only a part of the value");
    return {};
  }

 private:
  bool running() const { return root_ == "/"; }

  Result<Fd> Open(const std::string& path, int flags) const {
    return running() ? base::OpenFile(path, flags) : OpenInRoot(path, flags);
  }

  Result<Fd> OpenInRoot(const std::string& path, int flags) const {
    if (!base_) return base::Failure(base_.error());
    open_how how{};
    how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const long raw = ::syscall(SYS_openat2, base_->raw(), path.c_str(), &how, sizeof how);
    if (raw < 0) return FailErrno(root_ + path, errno);
    return Fd(static_cast<int>(raw));
  }

  Result<Fd> OpenForReading(const std::string& path) const {
    const std::string_view name = base::LastComponent(path);
    if (running() || !Enter(path, name)) return Open(path, O_RDONLY);
    const int raw = ::openat(folder_.raw(), name.data(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (raw >= 0) return Fd(raw);
    if (errno == ELOOP) return OpenInRoot(path, O_RDONLY);  // a link
    return FailErrno(root_ + path, errno);
  }

  // The size of the target, or -1 with errno.
  Result<ssize_t> ReadLinkInto(const std::string& path, std::array<char, kPage>& target) const {
    if (running()) return ::readlink(path.c_str(), target.data(), target.size());
    const std::string_view name = base::LastComponent(path);
    if (Enter(path, name))
      return ::readlinkat(folder_.raw(), name.data(), target.data(), target.size());
    const Fd fd = TRY(OpenInRoot(path, O_PATH | O_NOFOLLOW));
    return ::readlinkat(fd.raw(), "", target.data(), target.size());
  }

  // Opens the folder of `name`, the path's last component; false when it is not there, or what is
  // last is no name.
  bool Enter(const std::string& path, std::string_view name) const {
    if (name.empty() || name == "." || name == "..") return false;
    const std::string_view folder = std::string_view(path).substr(0, path.size() - name.size());
    if (folder == folder_path_) return true;
    auto opened = OpenInRoot(std::string(folder), O_PATH | O_DIRECTORY);
    if (!opened) return false;
    folder_ = std::move(*opened);
    folder_path_ = folder;
    return true;
  }

  std::string root_;
  Result<Fd> base_{Fd()};
  // Of a recorded host, the folder of the last look.
  mutable std::string folder_path_;
  mutable Fd folder_;
};

// "/" for every spelling of it, no trailing slash otherwise.
std::string Normalised(std::string root) {
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  return root.empty() ? "/" : root;
}

}  // namespace

std::unique_ptr<Tree> HostTree(std::string root) {
  return std::make_unique<Host>(Normalised(std::move(root)));
}

std::optional<std::string> LinkName(const Tree& tree, const std::string& path) {
  const auto target = tree.ReadLink(path);
  if (!target) return std::nullopt;
  return std::string(base::LastComponent(*target));
}

std::optional<std::string> RealPath(const Tree& tree, std::string_view path) {
  auto real = FollowLinks(tree, path);
  if (real && real->empty()) real = "/";
  if (!real || !tree.Exists(*real)) return std::nullopt;
  return real;
}

std::optional<std::string> ReadText(const Tree& tree, const std::string& path) {
  auto text = tree.Read(path);
  if (!text) return std::nullopt;
  return std::move(*text);
}

std::optional<uint64_t> ReadHex(const Tree& tree, const std::string& path) {
  const auto text = ReadText(tree, path);
  if (!text) return std::nullopt;
  std::string_view digits = base::Trim(*text);
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  return base::ParseHex(digits);
}

std::optional<uint64_t> ReadDecimal(const Tree& tree, const std::string& path) {
  const auto text = ReadText(tree, path);
  if (!text) return std::nullopt;
  return base::ParseDecimal(base::Trim(*text));
}

}  // namespace sysfs
