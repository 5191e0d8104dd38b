#include "vmm/acpi/tables.h"

#include <gmock/gmock.h>

#include <map>
#include <string>

#include "sysfs/base/bits.h"
#include "tests/support/command.h"
#include "vmm/acpi/dsdt.h"
#include "vmm/acpi/fixed_tables.h"
#include "vmm/acpi/table.h"
#include "vmm/platform.h"

namespace vmm::acpi {
namespace {

using testing::HasSubstr;
using testing::Not;

AcpiRequest Request() {
  AcpiRequest request;
  request.cpu_count = 8;
  request.layout.ecam = {0xb0000000, 256 * base::kMiB};
  request.layout.mmio32 = {0xc0000000, 0x3ec00000};
  request.layout.mmio64 = {0x4000000000, 0x1000000000};
  return request;
}

std::span<const std::byte> TableAt(const AcpiTables& tables, uint64_t address) {
  const auto from = std::span(tables.bytes).subspan(address - tables.area.base);
  return from.first(base::LoadLe<uint32_t>(from, 4));
}

std::string Signature(std::span<const std::byte> table) {
  return {reinterpret_cast<const char*>(table.data()), 4};
}

// Follows the pointers as an operating system does.
std::map<std::string, std::span<const std::byte>> Walk(const AcpiTables& tables) {
  std::map<std::string, std::span<const std::byte>> found;
  const auto rsdp = std::span(tables.bytes).subspan(tables.rsdp.value - tables.area.base);
  const auto xsdt = TableAt(tables, base::LoadLe<uint64_t>(rsdp, 24));
  for (size_t at = kHeaderSize; at < xsdt.size(); at += 8) {
    const auto table = TableAt(tables, base::LoadLe<uint64_t>(xsdt, at));
    found[Signature(table)] = table;
  }
  found["FACS"] = TableAt(tables, base::LoadLe<uint32_t>(found.at("FACP"), 36));
  found["DSDT"] = TableAt(tables, base::LoadLe<uint64_t>(found.at("FACP"), 140));
  return found;
}

TEST(BuildTables, AreAllReachedFromTheRsdp) {
  const AcpiTables tables = BuildTables(Request());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(tables.bytes.data()), 8), "RSD PTR ");
  const auto found = Walk(tables);
  ASSERT_EQ(found.size(), 5u);
  for (const auto& [name, table] : found) {
    EXPECT_EQ(Signature(table), name);
    if (name != "FACS") {
      EXPECT_EQ(Sum(table), 0) << name;
    }
  }
}

// ACPI 6.5, 5.2.5.1 and 5.2.10: the RSDP on 16 bytes below 1 MiB, the FACS on 64.
TEST(BuildTables, ArePlacedWhereTheyAreLookedFor) {
  const AcpiTables tables = BuildTables(Request());
  EXPECT_EQ(tables.rsdp.value % 16, 0u);
  EXPECT_EQ(tables.area.size, tables.bytes.size());
  EXPECT_TRUE((base::Range{kAcpiTablesBase, kAcpiTablesSize}).Contains(tables.area));
  EXPECT_EQ(base::LoadLe<uint32_t>(Walk(tables).at("FACP"), 36) % 64, 0u);
}

TEST(BuildTables, FitForTheLargestMachine) {
  AcpiRequest request = Request();
  request.cpu_count = 512;
  EXPECT_LE(BuildTables(request).bytes.size(), kAcpiTablesSize);
}

class Iasl : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!test::HasTool("iasl")) GTEST_SKIP() << "iasl is not installed (package acpica-tools)";
  }
  test::TemporaryFolder folder_;
};

// What is behind the header, which names the compiler.
std::string Body(const std::string& table) { return table.substr(kHeaderSize); }

TEST_P(Iasl, TakesTheTablesApartAndTogetherWithoutAComplaint) {
  AcpiRequest request = Request();
  request.real_time_clock = GetParam();
  request.keyboard_controller = GetParam();
  const AcpiTables tables = BuildTables(request);
  for (const auto& [name, table] : Walk(tables)) {
    folder_.Write(name + ".aml", table);
    const test::Outcome apart = folder_.Run("iasl -d " + name + ".aml");
    EXPECT_EQ(apart.status, 0) << name << ": " << apart.output;
    EXPECT_THAT(apart.output, Not(HasSubstr("Warning"))) << name;
    EXPECT_THAT(apart.output, Not(HasSubstr("Error"))) << name;
    const test::Outcome together = folder_.Run("iasl -p " + name + "-2 " + name + ".dsl");
    EXPECT_EQ(together.status, 0) << name << ": " << together.output;
    EXPECT_THAT(together.output, HasSubstr(" 0 Errors, 0 Warnings")) << name;
    const std::string again = folder_.Read(name + "-2.aml");
    ASSERT_GE(again.size(), kHeaderSize) << name;
    EXPECT_TRUE(Body(again) == Body(folder_.Read(name + ".aml"))) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(LegacyDevices, Iasl, testing::Bool());

}  // namespace
}  // namespace vmm::acpi
