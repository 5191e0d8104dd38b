// DMA accesses of the machine's devices that the IOMMU has stopped, as the host's kernel logs them.
#include "sysfs/iommu_fault.h"
#include "vmm/control/pci_view.h"
#include "vmm/fault_text.h"
#include "vmm/machine.h"

namespace vmm {

// Without the right to read the log nothing is told.
void Machine::WatchFaults() {
  if (kernel_log_ || devices_->assigned_count() == 0) return;
  kernel_log_ = sysfs::KernelLogTail::Open(*kernel_);
  if (!kernel_log_) return;
  auto watch = loop_->Add(kernel_log_->fd(), [this] { OnKernelLog(); });
  if (watch) {
    watches_.push_back(std::move(*watch));
  } else {
    kernel_log_.reset();
  }
}

bool Machine::OnKernelLog() {
  if (!kernel_log_) return false;
  const auto lines = kernel_log_->Take();
  for (const std::string& line : lines) {
    const auto fault = sysfs::ParseIommuFault(line);
    if (fault) OnFault(*fault);
  }
  return !lines.empty();
}

void Machine::OnFault(const sysfs::IommuFault& fault) {
  const auto device = devices_->NoteFault(fault);
  if (!device) return;
  fault_logs_[device->name].Log(base::Level::kWarning, "{}",
                                FaultText(device->name, fault, plan_.layout));
  Announce("DEVICE_IOMMU_FAULT", control::IommuFaultData(device->id, fault));
}

}  // namespace vmm
