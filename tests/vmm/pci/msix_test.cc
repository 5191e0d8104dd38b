#include "vmm/pci/msix.h"

#include <gmock/gmock.h>

#include <random>

#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

TEST(Msix, OutsideIsAllOnesAndIgnored) {
  Msix msix(3);
  EXPECT_EQ(msix.ReadTable(48, Width::k4), 0xffffffffu);
  EXPECT_EQ(msix.ReadTable(UINT64_MAX - 1, Width::k4), 0xffffffffu);
  EXPECT_FALSE(msix.WriteTable(48, Width::k8, 0));
  EXPECT_FALSE(msix.WriteTable(UINT64_MAX - 3, Width::k8, 0));
  EXPECT_EQ(msix.ReadPending(8, Width::k8), ~uint64_t{0});
  EXPECT_FALSE(msix.Live(3));
  EXPECT_FALSE(msix.Pending(3));
}

TEST(Msix, StartsMasked) {
  const Msix msix(2);
  EXPECT_EQ(msix.ReadTable(0, Width::k8), 0u);
  EXPECT_EQ(msix.ReadTable(8, Width::k8), uint64_t{1} << 32);
  EXPECT_EQ(msix.ReadTable(28, Width::k4), 1u);
  EXPECT_EQ(msix.ReadPending(0, Width::k8), 0u);
}

TEST(Msix, AnyWidthWritesTheSameEntry) {
  for (const unsigned width : {1u, 2u, 4u, 8u}) {
    Msix msix(2);
    const uint64_t low = 0x00000001'fee01003, high = 0xfffffffe'00004321;
    for (unsigned at = 0; at < 8; at += width) {
      msix.WriteTable(16 + at, static_cast<Width>(width), low >> (8 * at));
      msix.WriteTable(24 + at, static_cast<Width>(width), high >> (8 * at));
    }
    EXPECT_EQ(msix.Message(1), (kvm::MsiMessage{0x00000001'fee01000, 0x4321})) << width;
    EXPECT_EQ(msix.ReadTable(28, Width::k4), 0u);
    EXPECT_EQ(msix.Message(0), kvm::MsiMessage{});
  }
}

TEST(Msix, OnlyChangesThatMatterAreReported) {
  Msix msix(2);
  EXPECT_FALSE(msix.WriteTable(0, Width::k4, 0xfee00000));  // masked
  EXPECT_TRUE(msix.WriteTable(12, Width::k4, 0));           // unmask
  EXPECT_FALSE(msix.WriteTable(12, Width::k4, 0));
  EXPECT_TRUE(msix.WriteTable(8, Width::k4, 0x31));  // message while unmasked
  EXPECT_FALSE(msix.WriteTable(8, Width::k4, 0x31));
  EXPECT_TRUE(msix.WriteTable(12, Width::k1, 1));
}

TEST(Msix, LiveNeedsEnableAndBothMasksOpen) {
  Msix msix(1);
  msix.WriteTable(12, Width::k4, 0);
  EXPECT_FALSE(msix.Live(0));
  EXPECT_TRUE(msix.SetControl(kMsixEnable | kMsixFunctionMask));
  EXPECT_FALSE(msix.Live(0));
  EXPECT_TRUE(msix.SetControl(kMsixEnable));
  EXPECT_TRUE(msix.Live(0));
  EXPECT_FALSE(msix.SetControl(kMsixEnable | 5));
  msix.WriteTable(12, Width::k4, 1);
  EXPECT_FALSE(msix.Live(0));
}

TEST(Msix, PendingBitsByAnyWidth) {
  Msix msix(70);
  EXPECT_EQ(msix.pending_bytes(), 16u);
  msix.SetPending(65, true);
  msix.SetPending(7, true);
  msix.SetPending(9999, true);
  EXPECT_EQ(msix.ReadPending(0, Width::k8), 0x80u);
  EXPECT_EQ(msix.ReadPending(8, Width::k1), 2u);
  msix.SetPending(65, false);
  EXPECT_EQ(msix.ReadPending(8, Width::k4), 0u);
  EXPECT_TRUE(msix.Pending(7));
}

TEST(Msix, ResetForgetsEverything) {
  Msix msix(4);
  msix.SetControl(kMsixEnable);
  msix.WriteTable(12, Width::k4, 0);
  msix.SetPending(2, true);
  msix.Reset();
  EXPECT_FALSE(msix.enabled());
  EXPECT_EQ(msix.ReadTable(12, Width::k4), 1u);
  EXPECT_FALSE(msix.Pending(2));
}

TEST(Msix, MoreThanTheFormatAllowsIsCut) {
  const Msix msix(5000);
  EXPECT_EQ(msix.vectors(), kMaxMsixVectors);
}

TEST(Msix, RandomAccessesStayInside) {
  std::mt19937_64 random(3);
  Msix msix(33);
  for (unsigned i = 0; i < 20000; ++i) {
    const uint64_t at = random() % 8 == 0 ? random() : random() % (33 * 16 + 16);
    const auto width = static_cast<Width>(1u << random() % 4);
    if (random() % 2 == 0) msix.WriteTable(at, width, random());
    msix.ReadTable(at, width);
    msix.ReadPending(at, width);
  }
  for (unsigned v = 0; v < 33; ++v) {
    EXPECT_EQ(msix.ReadTable(16 * v, Width::k4) & 3, 0u);
    EXPECT_LE(msix.ReadTable(16 * v + 12, Width::k4), 1u);
  }
}

}  // namespace
}  // namespace vmm::pci
