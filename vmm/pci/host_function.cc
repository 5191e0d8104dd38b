#include "vmm/pci/host_function.h"

#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

// A PCIe host bridge without driver or quirk in any guest (Red Hat's generic one).
constexpr uint32_t kIdentity = 0x0008'1b36;
constexpr uint32_t kHostBridgeClass = 0x060000'00;

ConfigSpace InitialConfig() {
  ConfigSpace config(kConfigSize);
  config.OwnZero(0, kConfigSize);
  config.Own(header::kVendor, Width::k4, kIdentity);
  config.Own(header::kRevision, Width::k4, kHostBridgeClass);
  config.Own(header::kCommand, Width::k2, 0, kCommandMemory | kCommandMaster);
  return config;
}

}  // namespace

HostFunction::HostFunction() : config_(InitialConfig()) {}

uint32_t HostFunction::ReadConfig(uint16_t offset, Width width) {
  return config_.Shadow(offset, width);
}

std::vector<BarChange> HostFunction::WriteConfig(uint16_t offset, Width width, uint32_t value) {
  config_.Write(offset, width, value);
  return {};
}

base::Status HostFunction::ApplyBar(const BarChange&, const Spaces&) {
  return base::Fail(base::Code::kInternal, "the host bridge has no BAR");
}

base::Status HostFunction::Connect(kvm::InterruptRouter&) {
  config_ = InitialConfig();
  return {};
}

}  // namespace vmm::pci
