#include "vmm/guest/guest.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "vmm/boot/bzimage.h"
#include "vmm/guest/command_line.h"
#include "vmm/guest/host_kernel.h"
#include "vmm/guest/initramfs.h"

namespace vmm::guest {
namespace {

// The power button and the way in which the first program hears of it.
const std::vector<std::string>& OwnModules() {
  static const std::vector<std::string> names = {"button", "evdev"};
  return names;
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
  std::vector<std::string> claims = request.modaliases;
  claims.insert(claims.end(), request.drivers.begin(), request.drivers.end());
  content.modules = TRY(CollectModules(tree, find, claims, OwnModules()));
  content.command = request.exec;
  content.extra = request.extra_files;
  image.remarks = content.modules.remarks;
  image.initrd = BuildInitramfs(content);
  image.command_line = DefaultCommandLine(request.exec.has_value(), request.append);
  return image;
}

}  // namespace vmm::guest
