#include "vmm/preview/cost.h"

#include <gmock/gmock.h>

#include "sysfs/base/address.h"
#include "tests/support/fake_tree.h"

namespace vmm {
namespace {

using base::kGiB;

TEST(EstimateMemory, MoreThreadsFillFasterAndLargePagesPinFaster) {
  const MemoryCost one = EstimateMemory(16 * kGiB, Pages::kTransparent, true, 1);
  EXPECT_EQ(one.pages, 8192u);
  EXPECT_NEAR(one.populate, 4.0, 0.01);
  EXPECT_NEAR(one.pin, 0.027, 0.001);
  const MemoryCost four = EstimateMemory(16 * kGiB, Pages::kHuge1G, false, 4);
  EXPECT_EQ(four.pages, 16u);
  EXPECT_NEAR(four.populate, 1.0, 0.01);
  EXPECT_LT(four.pin, one.pin);
  EXPECT_NEAR(EstimateMemory(kGiB, Pages::kHuge2M, true, 0).populate, 0.25, 0.01);
}

TEST(EstimateMemory, WithoutHugePagesThereAreMany) {
  const MemoryCost small = EstimateMemory(16 * kGiB, Pages::kTransparent, false, 1);
  EXPECT_EQ(small.page_bytes, 4096u);
  EXPECT_EQ(small.pages, 16 * kGiB / 4096);
  EXPECT_NEAR(small.pin, 0.25, 0.01);
  EXPECT_EQ(EstimateMemory(kGiB, Pages::kHuge2M, false, 1).pages, 512u) << "reserved ones stay";
}

TEST(TransparentHuge, IsOffWhereTheKernelSaysNever) {
  test::FakeTree tree;
  EXPECT_TRUE(HasTransparentHuge(tree)) << "it does not say";
  const std::string file = "/sys/kernel/mm/transparent_hugepage/enabled";
  tree.AddFile(file, "always [madvise] never\n");
  EXPECT_TRUE(HasTransparentHuge(tree));
  tree.AddFile(file, "always madvise [never]\n");
  EXPECT_FALSE(HasTransparentHuge(tree));
}

TEST(VectorPool, TakesTheKernelsOwnCountWhereItCanBeRead) {
  test::FakeTree tree;
  tree.AddFile("/sys/kernel/debug/irq/domains/VECTOR",
               "name:   VECTOR\n size:   0\n flags:  0x00000003\nOnline bitmaps:        2\n"
               "Global available:    391\nGlobal reserved:      8\n");
  tree.AddFile("/proc/interrupts", "           CPU0       CPU1\n  1:   0   0  IO-APIC\n");
  const VectorPool pool = ReadVectorPool(tree);
  EXPECT_EQ(pool.free, 391u);
  EXPECT_THAT(pool.source, testing::HasSubstr("debugfs"));
}

TEST(VectorPool, CountsProcessorsAndInterruptsOtherwise) {
  test::FakeTree tree;
  tree.AddFile("/proc/interrupts",
               "           CPU0       CPU1       \n  0:         38          0   IO-APIC\n"
               " 24:          0          0   PCI-MSI\nNMI:          0          0\n"
               "LOC:       1000       1000\n");
  EXPECT_EQ(ReadVectorPool(tree).free, 398u);
  EXPECT_FALSE(ReadVectorPool(test::FakeTree()).free);
}

std::vector<std::byte> Config(size_t size) {
  std::vector<std::byte> config(size);
  config[0x00] = std::byte{0x36};
  config[0x06] = std::byte{0x10};  // has a list of capabilities
  config[0x34] = std::byte{0x40};
  config[0x3d] = std::byte{1};
  if (size < 0x60) return config;
  config[0x40] = std::byte{0x05}, config[0x41] = std::byte{0x50};  // MSI
  config[0x42] = std::byte{0x06};                                  // 8 vectors
  config[0x50] = std::byte{0x11};                                  // MSI-X
  config[0x52] = std::byte{0x40};                                  // 65 vectors
  return config;
}

TEST(VectorNeeds, AreReadFromConfigurationSpace) {
  test::FakeTree tree;
  tree.AddBytes("/sys/d/config", Config(256));
  const VectorNeeds needs = ReadVectorNeeds(tree, "/sys/d");
  EXPECT_TRUE(needs.known);
  EXPECT_TRUE(needs.pin);
  EXPECT_EQ(needs.msi, 8u);
  EXPECT_EQ(needs.msix, 65u);
  EXPECT_EQ(needs.most(), 65u);
  EXPECT_EQ(needs.usual(4), 5u);
  EXPECT_EQ(needs.usual(100), 65u);
}

TEST(VectorNeeds, AreNotKnownFromTheFirstBytesAlone) {
  test::FakeTree tree;
  tree.AddBytes("/sys/d/config", Config(64));
  const VectorNeeds needs = ReadVectorNeeds(tree, "/sys/d");
  EXPECT_FALSE(needs.known);
  EXPECT_EQ(needs.most(), 1u);
  EXPECT_EQ(ReadVectorNeeds(tree, "/sys/none").most(), 0u);
}

}  // namespace
}  // namespace vmm
