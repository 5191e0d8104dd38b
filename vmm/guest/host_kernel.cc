#include "vmm/guest/host_kernel.h"

#include <fmt/format.h>

#include <array>

namespace vmm::guest {

base::Result<std::string> RunningRelease(const sysfs::Tree& tree) {
  std::string release = TRY(tree.Read("/proc/sys/kernel/osrelease"));
  if (release.empty() || release.find('/') != std::string::npos) {
    return base::Fail(base::Code::kUnsupported,
                      fmt::format("/proc/sys/kernel/osrelease: \"{}\" is no release", release));
  }
  return release;
}

base::Result<std::string> FindKernel(const sysfs::Tree& tree, std::string_view release) {
  const std::array candidates = {
      fmt::format("/boot/vmlinuz-{}", release),
      fmt::format("/lib/modules/{}/vmlinuz", release),
      fmt::format("/usr/lib/modules/{}/vmlinuz", release),
      fmt::format("/boot/kernel-{}", release),
  };
  for (const std::string& path : candidates) {
    if (tree.Exists(path)) return path;
  }
  return base::Fail(
      base::Code::kUnsupported,
      fmt::format("the image of the running kernel {} is not on this host (looked for "
                  "{})",
                  release, fmt::join(candidates, ", ")),
      "give --kernel FILE");
}

}  // namespace vmm::guest
