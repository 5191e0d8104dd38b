#include "vmm/guest/guest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "vmm/boot/bzimage.h"
#include "vmm/guest/command_line.h"
#include "vmm/guest/host_kernel.h"
#include "vmm/guest/initramfs.h"

namespace vmm::guest {
namespace {

constexpr std::array kConsoleDrivers = {"virtio_pci", "virtio_console"};

// The power button and the way in which the first program hears of it.
const std::vector<std::string>& OwnModules() {
  static const std::vector<std::string> names = {"button", "evdev"};
  return names;
}

// What the modules are asked for by, each once, in load order.
std::vector<std::string> ClaimsOf(const GuestRequest& request) {
  std::vector<std::string> claims;
  const auto add = [&](const std::string& claim) {
    if (std::ranges::find(claims, claim) == claims.end()) claims.push_back(claim);
  };
  if (request.virtio_console) std::ranges::for_each(kConsoleDrivers, add);
  std::ranges::for_each(request.modaliases, add);
  std::ranges::for_each(request.drivers, add);
  return claims;
}

base::Result<std::string> ModulesDirectory(const sysfs::Tree& tree, const GuestRequest& request) {
  if (!request.modules_dir.empty()) return request.modules_dir;
  if (!request.kernel.empty()) {
    const auto head = tree.ReadBytes(request.kernel, boot::kReleaseBytes);
    const auto release = head ? boot::ReleaseOf(*head) : std::nullopt;
    if (release) return "/lib/modules/" + *release;
  }
  return "/lib/modules/" + TRY(RunningRelease(tree));
}

}  // namespace

base::Result<GuestImage> BuildGuest(const sysfs::Tree& tree, const GuestRequest& request) {
  const std::string directory = TRY(ModulesDirectory(tree, request));
  // Opened by the first question, which may not come.
  std::optional<base::Result<sysfs::ModuleIndex>> index;
  const auto find = [&](const std::string& name) -> base::Result<std::vector<sysfs::ModuleFile>> {
    if (!index) index = sysfs::ModuleIndex::Open(directory);
    if (!*index) return base::Failure(index->error());
    return (*index)->FilesFor(name);
  };
  return BuildGuest(tree, request, find);
}

base::Result<GuestImage> BuildGuest(const sysfs::Tree& tree, const GuestRequest& request,
                                    const ModuleFinder& find) {
  GuestImage image;
  image.kernel_path =
      request.kernel.empty() ? TRY(FindKernel(tree, TRY(RunningRelease(tree)))) : request.kernel;
  InitramfsContent content;
  content.programs = TRY(FindBusybox(tree));
  const std::string_view console = request.virtio_console ? kVirtioConsole : kSerialConsole;
  content.modules = TRY(CollectModules(tree, find, ClaimsOf(request), OwnModules()));
  if (request.virtio_console) content.console = console;
  content.command = request.exec;
  content.extra = request.extra_files;
  image.remarks = content.modules.remarks;
  image.initrd = BuildInitramfs(content);
  image.command_line = DefaultCommandLine(console, request.exec.has_value(), request.append);
  return image;
}

}  // namespace vmm::guest
