// A disk image: a raw file or a block device, opened as its guest may use it, and locked.
//
// Locks are those of QEMU's raw driver, so that neither program starts over the other's image: open
// file description locks on bytes for what is used (100 + permission) and for what others must not
// do (200 + permission), then a look whether somebody else holds what does not go with it. A block
// device is opened exclusively as well: what is mounted or belongs to an array stays out.
//
// Errors name the file, the cause and the cure: kNotFound, kDenied, kUsage for a file that cannot
// be a disk, kInUse.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "vmm/virtio/blk/errors.h"
#include "vmm/virtio/rate_limit.h"

namespace vmm::virtio {

enum class CacheMode : uint8_t {
  kWriteback,     // the host's page cache; a flush of the guest reaches the disk
  kNone,          // past the page cache (O_DIRECT); a flush is a flush all the same
  kWritethrough,  // each write is on the disk before it is finished
  kUnsafe,        // flushes do nothing: for disks that nobody will miss
};
std::string_view CacheName(CacheMode mode);

struct ImageOptions {
  std::string file;
  bool readonly = false;
  CacheMode cache = CacheMode::kWriteback;
  bool raw = false;  // the format was said: what looks like another one is raw all the same
  std::chrono::milliseconds lock_patience{1000};  // with somebody else's locks
};

// A disk as its user describes it.
struct BlkOptions {
  ImageOptions image;
  std::string serial;    // at most 20 bytes
  unsigned queues = 1;   // 1 to 16
  bool packed = false;   // offers packed virtqueues; no gain was seen in them
  RateLimits rate = {};  // of all queues together
  ErrorPolicies errors = {};
};
inline constexpr unsigned kMostBlkQueues = 16;
inline constexpr size_t kMostSerial = 20;

struct Image {
  base::Fd fd;
  uint64_t sectors = 0;           // of 512 bytes, whole ones
  uint32_t block_size = 512;      // logical
  uint32_t physical_size = 4096;  // of the device's own blocks, or what files like
  uint32_t alignment = 1;         // of memory, offsets and sizes (O_DIRECT)
  bool block_device = false;
  bool can_discard = false;
};

// What a look at the file finds out, without opening it: its size, 0 for a device's.
base::Result<uint64_t> CheckImage(const ImageOptions& options);
base::Result<Image> OpenImage(const ImageOptions& options);

// Of the open file or device, as it is now.
base::Result<uint64_t> ImageBytes(const ImageOptions& options, const Image& image);
// Makes a file longer or shorter; a device's size is its own. kUsage for what cannot be a size.
base::Status SetImageBytes(const ImageOptions& options, const Image& image, uint64_t bytes);

// Which bytes are locked, and which somebody else must not hold.
struct LockPlan {
  std::vector<uint64_t> hold;
  std::vector<uint64_t> look;
  bool operator==(const LockPlan&) const = default;
};
LockPlan PlanLocks(bool readonly);

}  // namespace vmm::virtio
