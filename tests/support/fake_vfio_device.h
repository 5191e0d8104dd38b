// A whole PCI function behind a memfd, as VFIO shows it: configuration space, regions, interrupts
// and reset, for tests of what uses a vfio::Device.
//
//   test::ScriptedKernel kernel;
//   test::FakeVfioDevice fake;
//   fake.SetConfig("86 80 ca 10 ...");
//   fake.AddRegion(vfio::kBar0Region, 0x4000, kReadWriteMap);
//   fake.AddIrq(vfio::kMsixIrq, 8, VFIO_IRQ_INFO_EVENTFD);
//   base::Result<vfio::Device> device = fake.Open(kernel);
//
// The fake and the kernel outlive the device. Thread safe after Open.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "tests/support/fake_kernel.h"
#include "vfio/device.h"
#include "vfio/uapi.h"

namespace test {

inline constexpr uint32_t kReadWrite = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
inline constexpr uint32_t kReadWriteMap = kReadWrite | VFIO_REGION_INFO_FLAG_MMAP;
inline constexpr uint32_t kReadOnly = VFIO_REGION_INFO_FLAG_READ;

// One VFIO_DEVICE_SET_IRQS as it came in.
struct IrqCall {
  uint32_t index = 0;
  uint32_t flags = 0;  // VFIO_IRQ_SET_*
  uint32_t start = 0;
  uint32_t count = 0;
  std::vector<int> eventfds;  // of DATA_EVENTFD
};

class FakeVfioDevice {
 public:
  // An endpoint with 4 KiB of configuration space (header type 0, all else 0), the unplug request
  // and the error interrupt, and a reset.
  explicit FakeVfioDevice(const sysfs::PciAddress& address = {0, 8, 0, 0});

  const sysfs::PciAddress& address() const { return address_; }

  // Hexadecimal bytes from offset 0, separated by blanks; a `#` comments to the end of its line.
  void SetConfig(std::string_view hex);
  void SetConfigBytes(uint64_t offset, std::span<const std::byte> bytes);
  // A little-endian value of 1, 2 or 4 bytes.
  void SetConfigValue(uint64_t offset, uint32_t value, unsigned width);
  void SetConfigSize(uint64_t size);
  // `areas` make a sparse-mmap capability; none leaves the whole region mappable.
  void AddRegion(uint32_t index, uint64_t size, uint32_t flags,
                 const std::vector<vfio::Area>& areas = {}, bool msix_mappable = false);
  void AddArea(uint32_t index, const vfio::Area& area) { regions_[index].areas.push_back(area); }
  void AddIrq(uint32_t index, uint32_t count, uint32_t flags);
  // After each answer to `request`: may change the reply, whose buffer is the caller's, and returns
  // the result.
  using Tampering = std::function<int(void* reply, int result)>;
  void Tamper(unsigned long request, Tampering tampering) {
    tampering_.emplace(request, std::move(tampering));
  }
  void SetResettable(bool resettable) { resettable_ = resettable; }
  // What a hot reset takes; each with its group, or its number at the iommufd (`by_number`). None
  // until then: ENODEV.
  struct HotMember {
    sysfs::PciAddress address;
    uint32_t number = 0;
  };
  void SetHotReset(std::vector<HotMember> members, bool by_number = false) {
    hot_members_ = std::move(members);
    hot_by_number_ = by_number;
  }
  // Called by each reset of any kind that succeeds, with the fake locked for ioctls.
  void OnReset(std::function<void()> react) { react_ = std::move(react); }
  // The host has only so many vectors: SET_IRQS that wants more of MSI or MSI-X answers with it.
  void SetFreeVectors(uint32_t vectors) { free_vectors_ = vectors; }
  // SET_IRQS, RESET, ... of this name fail with `err` until it is 0 again.
  void Fail(const std::string& name, int err);

  // The device, read in through the kernel.
  base::Result<vfio::Device> Open(ScriptedKernel& kernel);
  // Its descriptor alone, as VFIO_GROUP_GET_DEVICE_FD gives it.
  base::Fd OpenFd(ScriptedKernel& kernel);
  // Answers one ioctl of the device; for a scripted host that has files of its own.
  int Handle(unsigned long request, void* argument, std::string_view name);

  // What the device holds now, whatever way it was written.
  std::vector<std::byte> Config(uint64_t offset, size_t size) const;
  uint32_t ConfigValue(uint64_t offset, unsigned width) const;
  std::vector<std::byte> RegionBytes(uint32_t index, uint64_t offset, size_t size) const;
  void SetRegionBytes(uint32_t index, uint64_t offset, std::span<const std::byte> bytes);

  std::vector<IrqCall> irq_calls() const;
  void ClearIrqCalls();
  // The event that is connected to a vector now, -1 for none.
  int trigger(uint32_t index, uint32_t vector) const;
  // The event that unmasks INTx, -1 for none.
  int unmask_event() const;
  unsigned resets() const;
  unsigned hot_resets() const;
  // How many groups came with the last hot reset.
  unsigned hot_groups() const;

 private:
  struct FakeRegion {
    uint64_t size = 0;
    uint32_t flags = 0;
    uint64_t file_offset = 0;
    std::vector<vfio::Area> areas;
    bool msix_mappable = false;
  };
  struct FakeIrq {
    uint32_t count = 0;
    uint32_t flags = 0;
  };
  int Answer(unsigned long request, void* argument);
  int GetInfo(void* argument) const;
  int GetRegionInfo(void* argument) const;
  int GetIrqInfo(void* argument) const;
  int SetIrqs(void* argument);
  int GetHotReset(void* argument) const;
  int HotReset(const void* argument);
  int ApplyIrqs(const IrqCall& call);
  // The bytes of a region in the file; fails the test when they are outside.
  uint64_t FileOffset(uint32_t index, uint64_t offset, size_t size) const;

  sysfs::PciAddress address_;
  base::Fd contents_;  // shares its file with every descriptor given out
  std::map<uint32_t, FakeRegion> regions_;
  std::map<uint32_t, FakeIrq> irqs_;
  bool resettable_ = true;
  std::optional<std::vector<HotMember>> hot_members_;
  bool hot_by_number_ = false;
  std::function<void()> react_;
  uint32_t free_vectors_ = UINT32_MAX;
  std::multimap<unsigned long, Tampering> tampering_;

  mutable std::mutex mutex_;  // what follows
  std::map<std::string, int, std::less<>> failures_;
  std::vector<IrqCall> irq_calls_;
  std::map<uint32_t, std::map<uint32_t, int>> triggers_;
  int unmask_event_ = -1;
  unsigned resets_ = 0;
  unsigned hot_resets_ = 0;
  unsigned hot_groups_ = 0;
};

}  // namespace test
