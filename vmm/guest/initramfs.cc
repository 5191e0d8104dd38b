#include "vmm/guest/initramfs.h"

#include <fmt/format.h>

#include <string_view>

#include "vmm/guest/cpio.h"
#include "vmm/guest/init_script.h"

namespace vmm::guest {
namespace {

// "pci:v00001B36d00000010": the guest may see other subsystem numbers than the host.
constexpr size_t kAliasPrefix = sizeof("pci:v00001B36d00000010") - 1;

void AddModules(CpioWriter& archive, const ModuleSet& set) {
  std::string order;
  for (size_t index = 0; index < set.modules.size(); ++index) {
    const LoadedModule& module = set.modules[index];
    const std::string name = fmt::format("{:03}-{}.ko", index, module.name);
    order += name + "\n";
    archive.AddFile(fmt::format("{}/{}", kModuleFolder, name), 0644, module.bytes);
  }
  archive.AddFile(fmt::format("{}/order", kModuleFolder), 0644, order);
  std::string devices;
  for (const std::string& alias : set.driven) devices += alias.substr(0, kAliasPrefix) + "\n";
  archive.AddFile(kDevicesFile, 0644, devices);
}

}  // namespace

std::vector<std::byte> BuildInitramfs(const InitramfsContent& content) {
  CpioWriter archive;
  for (const std::string_view folder : {"/proc", "/sys", "/dev", "/run", "/tmp", "/root"}) {
    archive.AddFolder(folder);
  }
  // What the kernel opens for the first program, before that mounts /dev.
  archive.AddCharacterDevice("/dev/console", 0600, 5, 1);
  archive.AddFile(kInitPath, 0755, InitScript());
  for (const GuestFile& file : content.programs) {
    archive.AddFile(file.path, file.permissions, file.bytes);
  }
  AddModules(archive, content.modules);
  if (!content.console.empty()) archive.AddFile(kConsoleFile, 0644, content.console + "\n");
  if (content.command) archive.AddFile(kCommandFile, 0644, *content.command + "\n");
  for (const GuestFile& file : content.extra) {
    archive.AddFile(file.path, file.permissions, file.bytes);
  }
  return archive.Finish();
}

}  // namespace vmm::guest
