#include "vmm/pci/config_access.h"

#include <atomic>
#include <utility>

#include "vmm/pci/host_bridge.h"

namespace vmm::pci {
namespace {

struct Target {
  uint8_t bus;
  uint8_t devfn;
  uint16_t offset;
};

// Parts of an access that are naturally aligned and at most 4 bytes wide; part(first byte, width).
template <class Part>
void ForEachPart(uint16_t offset, Width width, const Part& part) {
  const auto bytes = static_cast<unsigned>(width);
  for (unsigned i = 0; i < bytes;) {
    unsigned step = 4;
    while (step > bytes - i || (offset + i) % step != 0) step /= 2;
    part(i, static_cast<Width>(step));
    i += step;
  }
}

uint64_t ReadAt(HostBridge& bridge, const Target& target, Width width) {
  uint64_t result = 0;
  ForEachPart(target.offset, width, [&](unsigned i, Width part) {
    const auto offset = static_cast<uint16_t>(target.offset + i);
    result |= uint64_t{bridge.ReadConfig(target.bus, target.devfn, offset, part)} << (8 * i);
  });
  return result;
}

void WriteAt(HostBridge& bridge, const Target& target, Width width, uint64_t value) {
  ForEachPart(target.offset, width, [&](unsigned i, Width part) {
    const auto offset = static_cast<uint16_t>(target.offset + i);
    bridge.WriteConfig(target.bus, target.devfn, offset, part,
                       static_cast<uint32_t>((value >> (8 * i)) & AllOnes(part)));
  });
}

class ConfigPorts final : public IoDevice {
 public:
  ConfigPorts(std::shared_ptr<HostBridge> bridge, std::shared_ptr<IoDevice> reset_port)
      : bridge_(std::move(bridge)), reset_port_(std::move(reset_port)) {}

  std::string_view name() const override { return "PCI configuration ports"; }

  uint64_t Read(Access access) override {
    if (IsReset(access)) {
      return reset_port_ ? reset_port_->Read({0, Width::k1}) : AllOnes(Width::k1);
    }
    const uint32_t address = address_.load(std::memory_order_relaxed);
    if (access.offset < kData) return (address >> (8 * access.offset)) & AllOnes(access.width);
    if (!InDataWindow(access) || (address & kEnable) == 0) return AllOnes(access.width);
    return ReadAt(*bridge_, TargetOf(address, access.offset), access.width);
  }

  void Write(Access access, uint64_t value) override {
    if (IsReset(access)) {
      if (reset_port_) reset_port_->Write({0, Width::k1}, value);
    } else if (access.offset == 0 && access.width == Width::k4) {
      address_.store(static_cast<uint32_t>(value) & kAddressBits, std::memory_order_relaxed);
    } else if (InDataWindow(access)) {
      const uint32_t address = address_.load(std::memory_order_relaxed);
      if ((address & kEnable) == 0) return;
      WriteAt(*bridge_, TargetOf(address, access.offset), access.width, value);
    }
  }

 private:
  static constexpr unsigned kResetOffset = 1;
  static constexpr unsigned kData = 4;
  static constexpr uint32_t kEnable = 1u << 31;
  static constexpr uint32_t kAddressBits = 0x80fffffc;

  static bool IsReset(Access access) {
    return access.offset == kResetOffset && access.width == Width::k1;
  }
  static bool InDataWindow(Access access) {
    return access.offset >= kData && access.offset + access.bytes() <= kData + 4;
  }
  static Target TargetOf(uint32_t address, uint64_t port) {
    return {static_cast<uint8_t>(address >> 16), static_cast<uint8_t>(address >> 8),
            static_cast<uint16_t>((address & 0xfc) | (port & 3))};
  }

  const std::shared_ptr<HostBridge> bridge_;
  const std::shared_ptr<IoDevice> reset_port_;
  std::atomic<uint32_t> address_{0};
};

class Ecam final : public IoDevice {
 public:
  explicit Ecam(std::shared_ptr<HostBridge> bridge) : bridge_(std::move(bridge)) {}

  std::string_view name() const override { return "PCI configuration memory"; }
  uint64_t Read(Access access) override {
    if (LeavesFunction(access)) return AllOnes(access.width);
    return ReadAt(*bridge_, TargetOf(access.offset), access.width);
  }
  void Write(Access access, uint64_t value) override {
    if (!LeavesFunction(access)) WriteAt(*bridge_, TargetOf(access.offset), access.width, value);
  }

 private:
  static bool LeavesFunction(Access access) {
    return (access.offset & 0xfff) + access.bytes() > 0x1000;
  }
  static Target TargetOf(uint64_t offset) {
    return {static_cast<uint8_t>(offset >> 20), static_cast<uint8_t>(offset >> 12),
            static_cast<uint16_t>(offset & 0xfff)};
  }

  const std::shared_ptr<HostBridge> bridge_;
};

}  // namespace

std::shared_ptr<IoDevice> MakeConfigPorts(std::shared_ptr<HostBridge> bridge,
                                          std::shared_ptr<IoDevice> reset_port) {
  return std::make_shared<ConfigPorts>(std::move(bridge), std::move(reset_port));
}

std::shared_ptr<IoDevice> MakeEcam(std::shared_ptr<HostBridge> bridge) {
  return std::make_shared<Ecam>(std::move(bridge));
}

}  // namespace vmm::pci
