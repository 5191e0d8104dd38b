// A believable PCIe endpoint behind the fake VFIO device: power management, MSI, MSI-X with table
// and pending bits in BAR 0, PCI Express, and SR-IOV, AER and ARI among the extended capabilities.
//
//   BAR 0  64-bit, 64 KiB: registers, table at 0x2000, pending bits at 0xb000
//   BAR 2  32-bit prefetchable, 8 KiB
//   BAR 4  I/O, 32 bytes
#pragma once

#include <cstdint>

#include "tests/support/fake_vfio_device.h"
#include "vmm/assigned/policy.h"

namespace test {

inline constexpr uint16_t kPowerAt = 0x40;
inline constexpr uint16_t kMsiAt = 0x50;
inline constexpr uint16_t kExpressAt = 0x70;
inline constexpr uint16_t kMsixAt = 0xb0;
inline constexpr uint64_t kTableAt = 0x2000;
inline constexpr uint64_t kPendingAt = 0xb000;

inline constexpr uint32_t kIntxFlags =
    VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;

struct EndpointOptions {
  unsigned msix_vectors = 16;
  bool no_resize = false;
  bool msix_mappable = false;
  bool intx = false;  // VFIO serves the pin
  vmm::assigned::ConfigPolicy policy = vmm::assigned::ConfigPolicy::kStandard;
};

inline void DescribeHeader(FakeVfioDevice& fake) {
  fake.SetConfigValue(0x00, 0x10fb8086, 4);
  fake.SetConfigValue(0x04, 0x0010, 4 - 2);
  fake.SetConfigValue(0x06, 0x0018, 2);      // capability list, an interrupt
  fake.SetConfigValue(0x08, 0x02000001, 4);  // Ethernet
  fake.SetConfigValue(0x0c, 0x00800010, 4);  // multi-function
  fake.SetConfigValue(0x10, 0xfe00000c, 4);
  fake.SetConfigValue(0x14, 0x00000012, 4);
  fake.SetConfigValue(0x18, 0xfd000008, 4);
  fake.SetConfigValue(0x20, 0x0000d001, 4);
  fake.SetConfigValue(0x2c, 0x00038086, 4);
  fake.SetConfigValue(0x30, 0xfff00000, 4);
  fake.SetConfigValue(0x34, kPowerAt, 1);
  fake.SetConfigValue(0x3c, 0x010b, 2);
}

inline void DescribeCapabilities(FakeVfioDevice& fake, const EndpointOptions& options) {
  fake.SetConfigValue(kPowerAt, 0x4823'5001, 4);
  fake.SetConfigValue(kPowerAt + 4, 0x2000, 4);
  fake.SetConfigValue(kMsiAt, 0x0186'7005, 4);  // 64 bits, masks, 8 vectors
  fake.SetConfigValue(kExpressAt, 0x0002'b010, 4);
  fake.SetConfigValue(kExpressAt + 0x04, 0x10008cc2, 4);
  fake.SetConfigValue(kExpressAt + 0x08, 0x2810, 4);
  fake.SetConfigValue(kExpressAt + 0x0c, 0x00027c82, 4);
  fake.SetConfigValue(kExpressAt + 0x10, 0x10820000, 4);
  fake.SetConfigValue(kMsixAt, (options.msix_vectors - 1) << 16 | 0x0011, 4);
  fake.SetConfigValue(kMsixAt + 4, static_cast<uint32_t>(kTableAt), 4);
  fake.SetConfigValue(kMsixAt + 8, static_cast<uint32_t>(kPendingAt), 4);
  fake.SetConfigValue(0x100, 0x14010001, 4);  // AER
  fake.SetConfigValue(0x140, 0x1501000e, 4);  // ARI
  fake.SetConfigValue(0x150, 0x1a010010, 4);  // SR-IOV
  fake.SetConfigValue(0x1a0, 0x0001000b, 4);  // vendor specific
}

inline void MakeEndpoint(FakeVfioDevice& fake, const EndpointOptions& options = {}) {
  DescribeHeader(fake);
  DescribeCapabilities(fake, options);
  fake.AddRegion(vfio::kBar0Region, 0x10000, kReadWriteMap, {}, options.msix_mappable);
  fake.AddRegion(2, 0x2000, kReadWriteMap);
  fake.AddRegion(4, 32, kReadWrite);
  if (options.intx) fake.AddIrq(vfio::kIntxIrq, 1, kIntxFlags);
  fake.AddIrq(vfio::kMsiIrq, 8, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
  fake.AddIrq(vfio::kMsixIrq, options.msix_vectors,
              VFIO_IRQ_INFO_EVENTFD | (options.no_resize ? VFIO_IRQ_INFO_NORESIZE : 0u));
}

}  // namespace test
