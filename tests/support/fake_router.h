// An interrupt router that records what devices ask of it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "vmm/kvm/vm.h"

namespace test {

class FakeRouter final : public vmm::kvm::InterruptRouter {
 public:
  base::Result<uint32_t> AllocateGsi() override {
    if (gsis.size() >= gsi_limit)
      return base::Fail(base::Code::kKernel, "no free interrupt number");
    uint32_t gsi = 24;
    while (gsis.count(gsi) != 0) ++gsi;
    gsis.insert(gsi);
    return gsi;
  }
  void FreeGsi(uint32_t gsi) override {
    gsis.erase(gsi);
    pending.erase(gsi);
    routes.erase(gsi);
  }
  void SetMsiRoute(uint32_t gsi, const vmm::kvm::MsiMessage& message) override {
    pending[gsi] = message;
  }
  base::Status CommitRoutes() override {
    if (fail_commits) return base::Fail(base::Code::kKernel, "KVM_SET_GSI_ROUTING");
    commits += pending.empty() ? 0u : 1u;
    for (const auto& [gsi, message] : pending) routes[gsi] = message;
    pending.clear();
    return {};
  }
  base::Result<vmm::kvm::Irqfd> ConnectIrqfd(const base::EventFd& event, uint32_t gsi) override {
    if (connects.size() >= connect_limit) return base::Fail(base::Code::kKernel, "KVM_IRQFD");
    connects.push_back({event.fd().raw(), gsi});
    return vmm::kvm::Irqfd();
  }
  base::Result<vmm::kvm::Irqfd> ConnectLevelIrqfd(const base::EventFd& event,
                                                  const base::EventFd& resample,
                                                  uint32_t gsi) override {
    resamples.push_back(resample.fd().raw());
    return ConnectIrqfd(event, gsi);
  }

  base::Status SignalMsi(const vmm::kvm::MsiMessage& message) override {
    signalled.push_back(message);
    return {};
  }

  struct Connection {
    int event;
    uint32_t gsi;
  };
  size_t gsi_limit = 4096;
  size_t connect_limit = SIZE_MAX;
  bool fail_commits = false;
  std::set<uint32_t> gsis;
  std::map<uint32_t, vmm::kvm::MsiMessage> pending;
  std::map<uint32_t, vmm::kvm::MsiMessage> routes;
  std::vector<Connection> connects;
  std::vector<int> resamples;  // of level-triggered ones
  unsigned commits = 0;
  std::vector<vmm::kvm::MsiMessage> signalled;
};

}  // namespace test
