#include "vmm/virtio/blk/image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sysfs/base/address.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/log.h"
#include "sysfs/base/text.h"
#include "vmm/virtio/blk/image_lock.h"

namespace vmm::virtio {
namespace {

using base::Code;
using base::Fail;

constexpr uint64_t kSector = 512;
constexpr uint32_t kPage = 4096;

// First bytes of formats that hold something else than a disk's sectors.
struct Magic {
  std::string_view bytes;
  std::string_view format;
};
constexpr std::array<Magic, 5> kMagics = {{{"QFI\xfb", "qcow2"},
                                           {"KDMV", "vmdk"},
                                           {"vhdxfile", "vhdx"},
                                           {"conectix", "vpc"},
                                           {"QED\0", "qed"}}};

base::Status CheckKind(const std::string& file, const struct stat& facts) {
  const auto refuse = [&](std::string_view what, std::string hint) {
    return Fail(Code::kUsage, fmt::format("{}: {}", file, what), std::move(hint));
  };
  constexpr std::string_view kHint = "give a raw image file or a block device";
  if (S_ISDIR(facts.st_mode)) return refuse("is a directory", std::string(kHint));
  if (S_ISFIFO(facts.st_mode)) return refuse("is a FIFO", std::string(kHint));
  if (S_ISSOCK(facts.st_mode)) return refuse("is a socket", std::string(kHint));
  if (S_ISCHR(facts.st_mode)) {
    return refuse("is a character device",
                  "give a raw image file or a block device, such as /dev/nvme0n1");
  }
  return {};
}

base::Result<struct stat> Look(const std::string& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) {
    base::Error error = base::FailErrno(file, errno).value();
    if (errno == ENOENT) error = std::move(error).WithHint("make one: truncate -s 10G " + file);
    return base::Failure(std::move(error));
  }
  TRY(CheckKind(file, facts));
  return facts;
}

base::Status CheckFormat(const std::string& file, const base::Fd& fd) {
  alignas(kPage) std::array<char, kPage> first{};  // as direct access wants it
  const ssize_t got = ::pread(fd.raw(), first.data(), first.size(), 0);
  const std::string_view text(first.data(), got > 0 ? static_cast<size_t>(got) : 0);
  for (const Magic& magic : kMagics) {
    if (!text.starts_with(magic.bytes)) continue;
    return Fail(Code::kUsage, fmt::format("{}: is a {} image, not a raw one", file, magic.format),
                fmt::format("convert it: qemu-img convert -O raw {} FILE; or say format=raw if its "
                            "first bytes only look so",
                            file));
  }
  return {};
}

base::Result<uint64_t> CheckSize(const std::string& file, uint64_t size) {
  if (size < kSector) {
    return Fail(Code::kUsage,
                fmt::format("{}: {}, less than one sector of 512 bytes", file,
                            size == 0 ? "is empty" : fmt::format("has {} bytes", size)),
                fmt::format("make it as large as the disk shall be: truncate -s 10G {}", file));
  }
  if (size % kSector != 0) {
    base::Log(base::Level::kWarning,
              "{}: {} bytes are no whole sectors: the guest does not see the last {}", file, size,
              size % kSector);
  }
  return size;
}

base::Result<uint64_t> SizeOf(const std::string& file, const base::Fd& fd,
                              const struct stat& facts) {
  uint64_t size = static_cast<uint64_t>(facts.st_size);
  if (S_ISBLK(facts.st_mode)) {
    TRY(base::HostKernel().Ioctl(fd, BLKGETSIZE64, &size, "BLKGETSIZE64"));
  }
  return CheckSize(file, size);
}

base::Failure OpenFailed(const ImageOptions& options, int err) {
  base::Error error = base::FailErrno(options.file, err).value();
  switch (err) {
    case EACCES:
    case EPERM:
      return base::Failure(std::move(error).WithHint(
          options.readonly ? "grant this user its reading"
                           : "grant this user its reading and writing, or use readonly"));
    case EROFS:
      return base::Failure(std::move(error).WithCode(Code::kDenied).WithHint("use readonly"));
    case EBUSY:
      return base::Failure(
          base::Error(Code::kInUse, options.file + ": the host uses this device", err)
              .WithHint("unmount it, and stop the array, volume group or swap space that it "
                        "belongs to; lsblk shows them"));
    case EINVAL:
      if (options.cache == CacheMode::kNone) {
        return base::Failure(
            base::Error(Code::kUsage,
                        options.file + ": its file system has no direct access (O_DIRECT)", err)
                .WithHint("use cache=writeback"));
      }
      return base::Failure(std::move(error));
    default:
      return base::Failure(std::move(error));
  }
}

void ReadBlockDevice(const base::Fd& fd, Image& image) {
  base::Kernel& kernel = base::HostKernel();
  int logical = 0;
  unsigned physical = 0;
  if (kernel.Ioctl(fd, BLKSSZGET, &logical, "BLKSSZGET") && logical >= 512) {
    image.block_size = static_cast<uint32_t>(logical);
  }
  if (kernel.Ioctl(fd, BLKPBSZGET, &physical, "BLKPBSZGET") && physical >= image.block_size) {
    image.physical_size = physical;
  }
}

// Whether direct access to the file goes by 512 bytes: its file system lies on a disk with a block
// size that does not show.
bool TakesSmallBlocks(const base::Fd& fd) {
  alignas(kPage) std::array<std::byte, kSector> one{};
  return ::pread(fd.raw(), one.data(), one.size(), 0) >= 0 || errno != EINVAL;
}

int OpenFlags(const ImageOptions& options, bool block_device) {
  int flags = options.readonly ? O_RDONLY : O_RDWR;
  if (options.cache == CacheMode::kNone) flags |= O_DIRECT;
  if (block_device) flags |= O_EXCL;
  // A FIFO that has taken the file's place would be waited for.
  return flags | O_NONBLOCK | O_CLOEXEC;
}

// A partition has the queue of its disk (Documentation/ABI/stable/sysfs-block, discard_max_bytes).
bool DeviceDiscards(const struct stat& facts) {
  const std::string device =
      fmt::format("/sys/dev/block/{}:{}", major(facts.st_rdev), minor(facts.st_rdev));
  for (const char* const queue : {"/queue", "/../queue"}) {
    const auto most = base::ReadFile(device + queue + "/discard_max_bytes");
    if (most) return *most != "0\n";
  }
  return false;
}

// A hole in nothing, behind the end of the file: file systems that make none say so.
bool TakesDiscard(const Image& image, const struct stat& facts) {
  if (image.block_device) return DeviceDiscards(facts);
  const auto end = static_cast<off_t>(base::AlignUp(static_cast<uint64_t>(facts.st_size), kPage));
  constexpr int kHole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  return ::fallocate(image.fd.raw(), kHole, end, kPage) == 0 ||
         (errno != EOPNOTSUPP && errno != ENOSYS);
}

}  // namespace

std::string_view CacheName(CacheMode mode) {
  switch (mode) {
    case CacheMode::kWriteback:
      return "writeback";
    case CacheMode::kNone:
      return "none";
    case CacheMode::kWritethrough:
      return "writethrough";
    case CacheMode::kUnsafe:
      return "unsafe";
  }
  return "";
}

base::Result<uint64_t> CheckImage(const ImageOptions& options) {
  struct stat facts = TRY(Look(options.file));
  if (::access(options.file.c_str(), options.readonly ? R_OK : R_OK | W_OK) != 0) {
    return OpenFailed(options, errno);
  }
  if (S_ISBLK(facts.st_mode)) return uint64_t{0};
  return CheckSize(options.file, static_cast<uint64_t>(facts.st_size));
}

// By lseek(2), which the devices' thread may call; nothing here uses the offset.
base::Result<uint64_t> ImageBytes(const ImageOptions& options, const Image& image) {
  const off_t end = ::lseek(image.fd.raw(), 0, SEEK_END);
  if (end < 0) return base::FailErrno(options.file, errno);
  return static_cast<uint64_t>(end);
}

base::Status SetImageBytes(const ImageOptions& options, const Image& image, uint64_t bytes) {
  const auto refuse = [&](std::string_view what, std::string hint) {
    return Fail(Code::kUsage, fmt::format("{}: {}", options.file, what), std::move(hint));
  };
  if (options.readonly) return refuse("is read-only", "leave the size out to see what it is now");
  if (bytes == 0 || bytes % image.block_size != 0 || bytes > INT64_MAX) {
    return refuse(fmt::format("cannot have {} bytes", bytes),
                  fmt::format("give a multiple of {}", image.block_size));
  }
  if (image.block_device) {
    if (TRY(ImageBytes(options, image)) == bytes) return {};
    return refuse("is a block device, which has its own size",
                  "change that with the device's own tools, then leave the size out");
  }
  if (::ftruncate(image.fd.raw(), static_cast<off_t>(bytes)) != 0) {
    return base::FailErrno(options.file, errno);
  }
  return {};
}

base::Result<Image> OpenImage(const ImageOptions& options) {
  struct stat facts = TRY(Look(options.file));
  Image image;
  image.fd = base::Fd(::open(options.file.c_str(), OpenFlags(options, S_ISBLK(facts.st_mode))));
  if (!image.fd.valid()) return OpenFailed(options, errno);
  // Of what was opened, which may be another one than a moment ago.
  if (::fstat(image.fd.raw(), &facts) != 0) return base::FailErrno(options.file, errno);
  TRY(CheckKind(options.file, facts));
  image.block_device = S_ISBLK(facts.st_mode);
  if (image.block_device) ReadBlockDevice(image.fd, image);
  image.sectors = TRY(SizeOf(options.file, image.fd, facts)) / kSector;
  if (!options.raw) TRY(CheckFormat(options.file, image.fd));
  // A ring would not wait for storage that is not ready, but fail (O_NONBLOCK was for the open).
  const int flags = ::fcntl(image.fd.raw(), F_GETFL);
  if (flags < 0 || ::fcntl(image.fd.raw(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return base::FailErrno(options.file, errno);
  }
  TRY(LockImage(options, image.fd));
  if (options.cache == CacheMode::kNone) {
    if (!image.block_device && !TakesSmallBlocks(image.fd)) image.block_size = kPage;
    image.alignment = image.block_size;
  }
  image.can_discard = !options.readonly && TakesDiscard(image, facts);
  return image;
}

}  // namespace vmm::virtio
