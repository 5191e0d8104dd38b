#include "vmm/acpi/fixed_tables.h"

#include <gmock/gmock.h>

#include <map>
#include <optional>

#include "vmm/acpi/table.h"
#include "vmm/platform.h"

namespace vmm::acpi {
namespace {

using testing::ElementsAre;

template <class Unsigned>
Unsigned At(const std::vector<std::byte>& bytes, size_t offset) {
  return base::LoadLe<Unsigned>(bytes, offset);
}

// Linux's acpi_tb_verify_checksum refuses a table whose sum is not 0.
TEST(FixedTables, HaveRightChecksumsAndLengths) {
  const AcpiRequest request;
  const uint64_t list[] = {0xe0040, 0xe0080};
  for (const auto& table :
       {MakeFadt(request, 1, 2), MakeMadt(request), MakeMcfg(request.layout), MakeXsdt(list)}) {
    EXPECT_EQ(Sum(table), 0);
    EXPECT_EQ(At<uint32_t>(table, 4), table.size());
  }
}

TEST(MakeRsdp, HasBothChecksums) {
  const auto rsdp = MakeRsdp(0xe1234);
  ASSERT_EQ(rsdp.size(), 36u);
  EXPECT_EQ(Sum(std::span(rsdp).first(20)), 0);
  EXPECT_EQ(Sum(rsdp), 0);
  EXPECT_EQ(At<uint64_t>(rsdp, 24), 0xe1234u);
}

TEST(MakeFadt, DescribesThePlatformsRegisters) {
  const auto fadt = MakeFadt({}, 0xe0040, 0xe0080);
  ASSERT_EQ(fadt.size(), 276u);
  EXPECT_EQ(At<uint32_t>(fadt, 36), 0xe0040u);
  EXPECT_EQ(At<uint32_t>(fadt, 40), 0xe0080u);
  EXPECT_EQ(At<uint64_t>(fadt, 140), 0xe0080u);
  EXPECT_EQ(At<uint16_t>(fadt, 46), kSciGsi);
  EXPECT_EQ(At<uint32_t>(fadt, 48), 0u) << "no SMI command: always in ACPI mode";
  EXPECT_EQ(At<uint32_t>(fadt, 56), kPm1EventPort);
  EXPECT_EQ(At<uint64_t>(fadt, 148 + 4), kPm1EventPort);
  EXPECT_EQ(At<uint64_t>(fadt, 172 + 4), kPm1ControlPort);
  EXPECT_EQ(At<uint64_t>(fadt, 208 + 4), kPmTimerPort);
  EXPECT_EQ(At<uint64_t>(fadt, 116 + 4), kResetPort);
  EXPECT_EQ(At<uint8_t>(fadt, 128), kResetValue);
}

// Table 5.10: bit 4 clear is a fixed power button, bit 8 a 32-bit timer, bit 20 reduced hardware.
TEST(MakeFadt, HasAFixedPowerButtonAndA24BitTimer) {
  const auto flags = At<uint32_t>(MakeFadt({}, 0, 0), 112);
  EXPECT_EQ(flags & (1u << 4 | 1u << 8 | 1u << 20), 0u);
  EXPECT_NE(flags & 1u << 10, 0u) << "the reset register is there";
}

TEST(MakeFadt, SaysWhichLegacyDevicesAreThere) {
  AcpiRequest request;
  EXPECT_EQ(At<uint16_t>(MakeFadt(request, 0, 0), 109), 0x25);
  request.real_time_clock = true;
  request.keyboard_controller = true;
  EXPECT_EQ(At<uint16_t>(MakeFadt(request, 0, 0), 109), 0x07);
}

// Type to how many of it; nothing when an entry leaves the table.
std::optional<std::map<int, int>> CountEntries(const std::vector<std::byte>& madt) {
  std::map<int, int> counts;
  size_t at = 44;
  while (at < madt.size()) {
    const auto length = At<uint8_t>(madt, at + 1);
    if (length < 2 || length > madt.size() - at) return std::nullopt;
    ++counts[At<uint8_t>(madt, at)];
    at += length;
  }
  return counts;
}

TEST(MakeMadt, HasAnEntryForEachProcessor) {
  AcpiRequest request;
  request.cpu_count = 32;
  const auto counts = CountEntries(MakeMadt(request));
  ASSERT_TRUE(counts);
  EXPECT_THAT(*counts,
              ElementsAre(std::pair(0, 32), std::pair(1, 1), std::pair(2, 2), std::pair(4, 1)));
}

TEST(MakeMadt, TakesTheX2ApicEntryForLargeNumbers) {
  AcpiRequest request;
  request.cpu_count = 3;
  request.apic_ids = {0, 254, 255};
  const auto madt = MakeMadt(request);
  const auto counts = CountEntries(madt);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->at(0), 2);
  EXPECT_EQ(counts->at(9), 1);
  EXPECT_EQ(At<uint8_t>(madt, 44 + 8 + 3), 254);
}

TEST(MakeMcfg, CoversTheBusesOfTheWindow) {
  Layout layout;
  layout.ecam = {0xb0000000, 256 * base::kMiB};
  const auto mcfg = MakeMcfg(layout);
  ASSERT_EQ(mcfg.size(), 60u);
  EXPECT_EQ(At<uint64_t>(mcfg, 44), 0xb0000000u);
  EXPECT_EQ(At<uint8_t>(mcfg, 55), 255);
  layout.ecam.size = base::kMiB;
  EXPECT_EQ(At<uint8_t>(MakeMcfg(layout), 55), 0);
}

TEST(MakeFacs, Is64Bytes) {
  EXPECT_EQ(MakeFacs().size(), 64u);
  EXPECT_EQ(At<uint32_t>(MakeFacs(), 4), 64u);
}

}  // namespace
}  // namespace vmm::acpi
