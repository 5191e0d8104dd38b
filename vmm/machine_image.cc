#include "vmm/machine_image.h"

#include <set>
#include <utility>

#include "sysfs/base/log.h"
#include "vmm/guest/command_line.h"
#include "vmm/guest/guest.h"

namespace vmm {
namespace {

// The user's own system: nothing is generated.
boot::BootRequest UserRequest(const Options& options) {
  boot::BootRequest request;
  request.kernel_path = options.kernel;
  request.initrd_path = options.initrd;
  request.command_line = guest::DefaultCommandLine(
      options.virtio_console ? guest::kVirtioConsole : guest::kSerialConsole, false,
      options.append);
  return request;
}

base::Result<boot::BootRequest> DefaultRequest(const sysfs::Tree& tree, const Options& options,
                                               const MachinePlan& plan) {
  guest::GuestRequest wanted;
  for (const PlannedDevice& device : plan.devices) wanted.modaliases.push_back(device.modalias);
  // By name: a kernel may not tell which devices its built-in drivers are for (before Linux 6.17).
  std::set<std::string_view> modules;
  for (const PlannedEmulated& device : plan.emulated) {
    modules.insert({"virtio_pci", KindOf(device.request).module});
  }
  wanted.drivers.assign(modules.begin(), modules.end());
  wanted.virtio_console = options.virtio_console;
  wanted.exec = options.exec;
  wanted.kernel = options.kernel;
  wanted.append = options.append;
  guest::GuestImage image = TRY(guest::BuildGuest(tree, wanted));
  for (const std::string& remark : image.remarks) base::Log(base::Level::kWarning, "{}", remark);
  boot::BootRequest request;
  request.kernel_path = image.kernel_path;
  request.command_line = image.command_line;
  if (options.initrd.empty()) {
    request.initrd = std::move(image.initrd);
  } else {
    request.initrd_path = options.initrd;
  }
  return request;
}

}  // namespace

acpi::AcpiTables MakeTables(const Options& options, const Layout& layout) {
  acpi::AcpiRequest request;
  request.layout = layout;
  request.cpu_count = options.cpus;
  for (uint32_t cpu = 0; cpu < options.cpus; ++cpu) request.apic_ids.push_back(cpu);
  return acpi::BuildTables(request);
}

base::Result<boot::BootImage> OpenImage(const sysfs::Tree& tree, const Options& options,
                                        const MachinePlan& plan, base::GuestPhys rsdp) {
  const bool generated = options.kernel.empty() || options.exec;
  boot::BootRequest request =
      generated ? TRY(DefaultRequest(tree, options, plan)) : UserRequest(options);
  request.acpi_rsdp = rsdp;
  return boot::BootImage::Open(std::move(request), plan.layout);
}

}  // namespace vmm
