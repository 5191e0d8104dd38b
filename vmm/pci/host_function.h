// The host bridge as a function of its own bus, 00:00.0: it has an identity and nothing else.
#pragma once

#include "vmm/pci/config_space.h"
#include "vmm/pci/function.h"

namespace vmm::pci {

// Wholly emulated; the host bridge serialises accesses.
class HostFunction final : public PciFunction {
 public:
  HostFunction();

  std::string_view name() const override { return "host bridge"; }
  std::vector<BarInfo> bars() const override { return {}; }
  uint32_t ReadConfig(uint16_t offset, Width width) override;
  std::vector<BarChange> WriteConfig(uint16_t offset, Width width, uint32_t value) override;
  base::Status ApplyBar(const BarChange& change, const Spaces& spaces) override;
  base::Status Connect(kvm::InterruptRouter& router) override;
  void Disconnect() override {}

 private:
  ConfigSpace config_;
};

}  // namespace vmm::pci
