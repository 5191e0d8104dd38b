#include "vmm/guest/guest.h"

#include <fmt/format.h>

#include <utility>

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

std::string ModulesDirectory(const GuestRequest& request, const std::string& release) {
  return request.modules_dir.empty() ? "/lib/modules/" + release : request.modules_dir;
}

}  // namespace

base::Result<GuestImage> BuildGuest(const sysfs::Tree& tree, const GuestRequest& request) {
  const std::string directory = ModulesDirectory(request, TRY(RunningRelease(tree)));
  return BuildGuest(tree, request, [&](const std::string& alias_or_name) {
    return sysfs::ModulesFor(alias_or_name, directory);
  });
}

base::Result<GuestImage> BuildGuest(const sysfs::Tree& tree, const GuestRequest& request,
                                    const ModuleFinder& find) {
  GuestImage image;
  image.kernel_path =
      request.kernel.empty() ? TRY(FindKernel(tree, TRY(RunningRelease(tree)))) : request.kernel;
  InitramfsContent content;
  content.programs = TRY(FindBusybox(tree));
  content.modules = TRY(CollectModules(tree, find, request.modaliases, OwnModules()));
  content.command = request.exec;
  content.extra = request.extra_files;
  image.remarks = content.modules.remarks;
  image.initrd = BuildInitramfs(content);
  image.command_line = DefaultCommandLine(request.exec.has_value(), request.append);
  return image;
}

}  // namespace vmm::guest
