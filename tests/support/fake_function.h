// A wholly emulated PCI function that records what is done with it, and a layout to place it in.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vmm/layout.h"
#include "vmm/pci/bars.h"
#include "vmm/pci/function.h"
#include "vmm/pci/registers.h"

namespace test {

// 2816 MiB of RAM and both windows for BARs.
inline vmm::Layout LayoutWithWindows() {
  vmm::Layout layout;
  layout.ram = {{0, 0xb0000000}};
  layout.ecam = {0xb0000000, 256 * base::kMiB};
  layout.mmio32 = {0xc0000000, 0x3ec00000};
  layout.mmio64 = {64 * base::kGiB, 64 * base::kGiB};
  return layout;
}

// An emulated function that records what the bridge does with it.
class FakeFunction final : public vmm::pci::PciFunction {
 public:
  FakeFunction(std::string name, std::vector<vmm::pci::BarInfo> bars)
      : name_(std::move(name)), bars_(std::move(bars)) {}

  std::string_view name() const override { return name_; }
  std::vector<vmm::pci::BarInfo> bars() const override { return bars_; }
  uint32_t ReadConfig(uint16_t offset, vmm::Width width) override {
    reads.push_back(static_cast<unsigned>(width));
    return config.Shadow(offset, width);
  }
  std::vector<vmm::pci::BarChange> WriteConfig(uint16_t offset, vmm::Width width,
                                               uint32_t value) override {
    config.Write(offset, width, value);
    const vmm::pci::DecodedBars before =
        std::exchange(decoded, vmm::pci::DecodeBars(config, bars_));
    return vmm::pci::PlanBarChanges(before, decoded);
  }
  std::function<void()> Waiting() override { return std::exchange(waiting, nullptr); }
  base::Status ApplyBar(const vmm::pci::BarChange& change, const vmm::pci::Spaces&) override {
    if (fail_apply && change.active) return base::Fail(base::Code::kKernel, "no slot");
    applied.push_back(change);
    return {};
  }
  base::Status Connect(vmm::kvm::InterruptRouter&) override {
    config = vmm::pci::ConfigSpace(vmm::pci::kExtendedConfigSize);
    config.OwnZero(0, vmm::pci::kExtendedConfigSize);
    config.Own(vmm::pci::header::kVendor, vmm::Width::k4, 0x12345678);
    config.Own(vmm::pci::header::kCommand, vmm::Width::k2, 0, 7);
    vmm::pci::OwnBarRegisters(config, bars_);
    decoded = {};
    ++connects;
    return fail_connect ? base::Status(base::Fail(base::Code::kKernel, "gone")) : base::Status();
  }
  void Disconnect() override { ++disconnects; }
  base::Status Reset() override {
    ++resets;
    return {};
  }

  vmm::pci::ConfigSpace config{vmm::pci::kExtendedConfigSize};
  vmm::pci::DecodedBars decoded;
  std::vector<vmm::pci::BarChange> applied;
  std::vector<unsigned> reads;
  std::function<void()> waiting;  // after the next write
  bool fail_apply = false;
  bool fail_connect = false;
  unsigned connects = 0;
  unsigned disconnects = 0;
  unsigned resets = 0;

 private:
  std::string name_;
  std::vector<vmm::pci::BarInfo> bars_;
};

}  // namespace test
