#include "vmm/assigned/capabilities.h"

#include <gmock/gmock.h>

#include "vmm/pci/registers.h"

namespace vmm::assigned {
namespace {

using sysfs::Capability;
using sysfs::CapabilityId;
using sysfs::ExtendedId;
namespace header = sysfs::registers::header;

constexpr uint32_t kHardware = 0xa5a5a5a5;

uint32_t Read(const pci::ConfigSpace& space, uint16_t offset) {
  return space.Read(offset, Width::k4, kHardware);
}

TEST(IsHidden, WhatAGuestMustNotHave) {
  for (const unsigned id : {0x0eu, 0x0fu, 0x10u, 0x13u, 0x15u, 0x1bu, 0x24u}) {
    EXPECT_TRUE(IsHidden(static_cast<ExtendedId>(id))) << id;
  }
  for (const unsigned id : {0x01u, 0x03u, 0x0bu, 0x0du, 0x17u, 0x18u, 0x23u}) {
    EXPECT_FALSE(IsHidden(static_cast<ExtendedId>(id))) << id;
  }
  EXPECT_TRUE(IsHidden(CapabilityId::kEnhancedAllocation));
  EXPECT_FALSE(IsHidden(CapabilityId::kVpd));
  EXPECT_FALSE(IsHidden(CapabilityId::kVendorSpecific));
}

TEST(LinkCapabilities, UnlinksFirstMiddleAndLast) {
  const std::vector<Capability> all = {
      {0x01, 0, 0x40}, {0x14, 0, 0x50}, {0x05, 0, 0x60}, {0x11, 0, 0x80}};
  const std::vector<Capability> kept = {all[2]};
  pci::ConfigSpace space(pci::kConfigSize);
  LinkCapabilities(space, all, kept);
  EXPECT_EQ(Read(space, header::kCapabilities), 0x60u);
  EXPECT_EQ(space.Read(0x60, Width::k2, kHardware), 0x0005u);
  EXPECT_EQ(Read(space, 0x40), 0u);
  EXPECT_EQ(Read(space, 0x50), 0u);
  EXPECT_EQ(Read(space, 0x80), 0u);
  EXPECT_EQ(Read(space, 0x88), 0u);
  EXPECT_EQ(Read(space, 0x54), kHardware);  // belongs to none that we know
  EXPECT_NE(space.Read(header::kStatus, Width::k2, 0) & pci::kStatusCapabilities, 0u);
}

TEST(LinkCapabilities, NothingKeptMeansNoList) {
  const std::vector<Capability> all = {{0x05, 0, 0x40}};
  pci::ConfigSpace space(pci::kConfigSize);
  LinkCapabilities(space, all, {});
  EXPECT_EQ(Read(space, header::kCapabilities), 0u);
  EXPECT_EQ(space.Read(header::kStatus, Width::k2, 0xffff) & pci::kStatusCapabilities, 0u);
}

TEST(LinkCapabilities, AHiddenOneEndsWhereTheNextBegins) {
  const std::vector<Capability> all = {{0x05, 0, 0x40}, {0x09, 0, 0x48}};
  pci::ConfigSpace space(pci::kConfigSize);
  LinkCapabilities(space, all, {&all[1], 1});
  EXPECT_EQ(Read(space, 0x44), 0u);
  EXPECT_EQ(space.Read(0x48, Width::k4, kHardware), 0xa5a50009u);
}

TEST(LinkExtendedCapabilities, TheFirstHeaderStaysWhenItsCapabilityGoes) {
  const std::vector<Capability> all = {
      {0x10, 1, 0x100}, {0x01, 2, 0x160}, {0x0e, 1, 0x200}, {0x0b, 1, 0x220}};
  const std::vector<Capability> kept = {all[1], all[3]};
  pci::ConfigSpace space(pci::kExtendedConfigSize);
  LinkExtendedCapabilities(space, all, kept);
  EXPECT_EQ(Read(space, 0x100), 0x1600ffffu);
  EXPECT_EQ(Read(space, 0x13c), 0u);
  EXPECT_EQ(Read(space, 0x140), kHardware);
  EXPECT_EQ(Read(space, 0x160), 0x22020001u);
  EXPECT_EQ(Read(space, 0x200), 0u);
  EXPECT_EQ(Read(space, 0x220), 0x0001000bu);
}

TEST(LinkExtendedCapabilities, NothingKeptReadsAsNone) {
  const std::vector<Capability> all = {{0x10, 1, 0x100}};
  pci::ConfigSpace space(pci::kExtendedConfigSize);
  LinkExtendedCapabilities(space, all, {});
  EXPECT_EQ(Read(space, 0x100), 0u);
}

}  // namespace
}  // namespace vmm::assigned
