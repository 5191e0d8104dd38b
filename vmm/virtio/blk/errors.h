// What becomes of a request that the host's storage has failed, with QEMU's names (rerror, werror):
// its guest is told, or the machine stops and tries again when it goes on.
//
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/virtio/blk/request.h"

namespace vmm::virtio {

enum class ErrorPolicy : uint8_t {
  kReport,
  kStop,
  kEnospc,  // stops when the storage is full, else reports; of writes alone
};
std::string_view PolicyName(ErrorPolicy policy);

struct ErrorPolicies {
  // Nothing: report for reads; for writes enospc where somebody can make the machine go on.
  std::optional<ErrorPolicy> read;
  std::optional<ErrorPolicy> write;
};
ErrorPolicies WithDefaults(ErrorPolicies policies, bool has_monitor);

// A flush that failed is never tried again: the kernel tells of what it lost once, and the second
// try would succeed.
bool Stops(const ErrorPolicies& policies, BlkWork work, int error);

// For the machine. On the I/O thread.
struct BlkFault {
  bool read = false;
  bool stop = false;  // its request waits for the machine to go on
  bool nospace = false;
  std::string reason;
};
enum class IoStatus : uint8_t { kOk, kFailed, kNoSpace };

}  // namespace vmm::virtio
