#include "vfio/memlock.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "sysfs/base/text.h"

namespace vfio {
namespace {

static_assert(RLIM_INFINITY == kUnlimited);

std::string LimitText(uint64_t limit) {
  return limit == kUnlimited ? "unlimited" : base::FormatSize(limit);
}

// Limits are counted for the first user namespace; a capability in another one does not help.
bool InFirstUserNamespace(const sysfs::Tree& tree) {
  const std::string map = sysfs::ReadText(tree, "/proc/self/uid_map").value_or("0 0 4294967295");
  return base::Trim(map).ends_with("4294967295");
}

bool HasIpcLock(const sysfs::Tree& tree) {
  constexpr std::string_view kKey = "CapEff:";
  const std::string status = sysfs::ReadText(tree, "/proc/self/status").value_or("");
  for (const std::string_view line : base::Split(status, '\n')) {
    if (!line.starts_with(kKey)) continue;
    const auto effective = base::ParseHex(base::Trim(line.substr(kKey.size())));
    return effective && (*effective >> CAP_IPC_LOCK & 1) != 0;
  }
  return false;
}

std::string HintFor(uint64_t needed) {
  const uint64_t kib = (needed + 1023) / 1024;
  return fmt::format(
      "one of: LimitMEMLOCK={}K in the systemd unit; '* - memlock {}' in "
      "/etc/security/limits.conf and a new login; prlimit --pid $$ --memlock={} as root",
      kib, kib, kib * 1024);
}

}  // namespace

uint64_t MemlockNeeded(uint64_t mapped_bytes) {
  const uint64_t extra = mapped_bytes / 20;
  return mapped_bytes > UINT64_MAX - extra ? UINT64_MAX : mapped_bytes + extra;
}

MemlockLimits ReadMemlockLimits(const sysfs::Tree& tree) {
  MemlockLimits limits;
  rlimit current{};
  if (::getrlimit(RLIMIT_MEMLOCK, &current) == 0) {
    limits.soft = current.rlim_cur;
    limits.hard = current.rlim_max;
  }
  limits.exempt = HasIpcLock(tree) && InFirstUserNamespace(tree);
  return limits;
}

base::Result<std::optional<uint64_t>> PlanMemlock(uint64_t needed, const MemlockLimits& limits) {
  if (limits.exempt || limits.soft >= needed) return std::optional<uint64_t>();
  if (limits.hard >= needed) return std::optional<uint64_t>(needed);
  return base::Fail(
      base::Code::kDenied,
      fmt::format("locked memory: {} needed, RLIMIT_MEMLOCK allows {} (hard limit {})",
                  LimitText(needed), LimitText(limits.soft), LimitText(limits.hard)),
      HintFor(needed));
}

base::Status EnsureMemlock(const sysfs::Tree& tree, uint64_t needed) {
  const MemlockLimits limits = ReadMemlockLimits(tree);
  const std::optional<uint64_t> soft = TRY(PlanMemlock(needed, limits));
  if (!soft) return {};
  const rlimit raised{*soft, limits.hard};
  if (::setrlimit(RLIMIT_MEMLOCK, &raised) != 0)
    return base::FailErrno("raise RLIMIT_MEMLOCK", errno);
  return {};
}

}  // namespace vfio
