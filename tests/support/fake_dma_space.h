// A DMA space without a kernel: what is mapped, and failures to order.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "vfio/dma_space.h"
#include "vmm/memory.h"

namespace test {

class FakeDmaSpace final : public vfio::DmaSpace {
 public:
  std::string_view name() const override { return "fake"; }
  base::Status Claim(const sysfs::PciAddress&, const vfio::KvmLink&) override { return {}; }
  base::Result<base::Fd> OpenDevice(const sysfs::PciAddress&,
                                    const std::optional<vfio::VfToken>&) override {
    return base::Fail(base::Code::kUnsupported, "no device");
  }
  base::Status Release(const sysfs::PciAddress&, const vfio::KvmLink&) override { return {}; }
  base::Status Relink(const vfio::KvmLink&) override { return {}; }
  std::vector<int> HotResetProof(std::span<const sysfs::PciAddress>) const override { return {}; }
  base::Result<std::vector<vfio::IovaRange>> AllowedRanges() const override {
    return std::vector<vfio::IovaRange>();
  }
  base::Status Map(base::Iova iova, std::span<std::byte> bytes) override {
    if (map_error != 0) return base::FailErrno("map", map_error);
    EXPECT_EQ(memory->At(base::GuestPhys{iova.value}, bytes.size()).data(), bytes.data());
    EXPECT_FALSE(Overlaps({iova.value, bytes.size()}));
    maps[iova.value] = bytes.size();
    return {};
  }
  base::Status MapAgain(base::Iova iova, std::span<std::byte> bytes) override {
    return Map(iova, bytes);
  }
  base::Status Unmap(base::Iova iova, uint64_t size) override {
    const auto found = maps.find(iova.value);
    EXPECT_TRUE(found != maps.end() && found->second == size) << "not as it was mapped";
    if (unmap_error != 0) return base::FailErrno("unmap", unmap_error);
    maps.erase(iova.value);
    return {};
  }
  unsigned map_count() const override { return static_cast<unsigned>(maps.size()); }

  // Any of it.
  bool IsMapped(const base::Range& range) const { return Overlaps(range); }

  const vmm::GuestMemory* memory = nullptr;
  std::map<uint64_t, uint64_t> maps;  // size by address
  int map_error = 0;
  int unmap_error = 0;

 private:
  bool Overlaps(const base::Range& range) const {
    auto next = maps.upper_bound(range.base);
    if (next != maps.begin()) --next;
    for (; next != maps.end() && next->first < range.end(); ++next) {
      if (base::Range{next->first, next->second}.Overlaps(range)) return true;
    }
    return false;
  }
};

}  // namespace test
