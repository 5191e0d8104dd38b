#include "vmm/virtio/blk/errors.h"

#include <cerrno>

namespace vmm::virtio {

std::string_view PolicyName(ErrorPolicy policy) {
  switch (policy) {
    case ErrorPolicy::kReport:
      return "report";
    case ErrorPolicy::kStop:
      return "stop";
    case ErrorPolicy::kEnospc:
      return "enospc";
  }
  return "";
}

ErrorPolicies WithDefaults(ErrorPolicies policies, bool has_monitor) {
  if (!policies.read) policies.read = ErrorPolicy::kReport;
  if (!policies.write) policies.write = has_monitor ? ErrorPolicy::kEnospc : ErrorPolicy::kReport;
  return policies;
}

bool Stops(const ErrorPolicies& policies, BlkWork work, int error) {
  if (work == BlkWork::kFlush || work == BlkWork::kGetId) return false;
  const auto policy = work == BlkWork::kRead ? policies.read : policies.write;
  if (policy == ErrorPolicy::kStop) return true;
  // A quota is a full storage too (QEMU: ENOSPC alone).
  return policy == ErrorPolicy::kEnospc && (error == ENOSPC || error == EDQUOT);
}

}  // namespace vmm::virtio
