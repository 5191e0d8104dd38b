#include "vmm/kvm/cpuid.h"

#include <gmock/gmock.h>

#include <array>
#include <optional>
#include <random>

namespace vmm::kvm {
namespace {

std::optional<CpuidEntry> Find(const std::vector<CpuidEntry>& plan, uint32_t function,
                               uint32_t index = 0) {
  for (const CpuidEntry& entry : plan) {
    if (entry.function == function && entry.index == index) return entry;
  }
  return std::nullopt;
}

// What a host with both makers' leaves would offer.
std::vector<CpuidEntry> Host() {
  return {
      {0x0, 0, false, 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69},
      {0x1, 0, false, 0x806f8, 0x12340800, 0x0000ffff, 0x178bfbff},
      {0x4, 0, true, 0xfc01c121, 0, 0, 0},  // L1 data, shared by 8 threads
      {0x4, 3, true, 0xfc01c163, 0, 0, 0},  // L3
      {0x4, 4, true, 0, 0, 0, 0},
      {0x5, 0, false, 0x40, 0x40, 3, 0},
      {0x7, 0, true, 2, 0xffffffff, 0xffffffff, 0},
      {0xb, 0, true, 1, 2, 0x100, 77},
      {0x12, 0, true, 1, 0, 0, 0},
      {0x1f, 0, true, 1, 2, 0x100, 77},
      {0x40000000, 0, false, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d},
      {0x40000001, 0, false, 0x0100ffff, 0, 0, 0},
      {0x80000001, 0, false, 0, 0, 0x00400007, 0},
      {0x80000008, 0, false, 0x3028, 0, 0x7007, 0},
      {0x8000000a, 0, false, 1, 0, 0, 0},
      {0x8000001d, 0, true, 0x1c121, 0, 0, 0},
      {0x8000001e, 0, false, 9, 9, 9, 9},
  };
}

TEST(PlanCpuid, HidesNestedVirtualisationMwaitAndSgx) {
  const auto plan = PlanCpuid(Host(), {0, 2, true});
  EXPECT_EQ(Find(plan, 0x1)->ecx & (1u << 5 | 1u << 3), 0u);
  EXPECT_EQ(Find(plan, 0x80000001)->ecx & 1u << 2, 0u);
  EXPECT_EQ(Find(plan, 0x7)->ebx & 1u << 2, 0u);
  EXPECT_EQ(Find(plan, 0x7)->ecx & 1u << 30, 0u);
  for (const uint32_t function : {0x5u, 0x12u, 0x8000000au}) EXPECT_FALSE(Find(plan, function));
}

TEST(PlanCpuid, SaysThatAHypervisorIsThere) {
  const auto leaf = Find(PlanCpuid(Host(), {0, 1, true}), 0x1);
  EXPECT_NE(leaf->ecx & 1u << 31, 0u);
  EXPECT_NE(leaf->ecx & 1u << 21, 0u);  // x2APIC
}

TEST(PlanCpuid, OffersTheDeadlineTimerOnlyWhenKvmHasIt) {
  EXPECT_NE(Find(PlanCpuid(Host(), {0, 1, true}), 0x1)->ecx & 1u << 24, 0u);
  EXPECT_EQ(Find(PlanCpuid(Host(), {0, 1, false}), 0x1)->ecx & 1u << 24, 0u);
}

TEST(PlanCpuid, KeepsParavirtualClocksAndDropsAsynchronousFaults) {
  const uint32_t features = Find(PlanCpuid(Host(), {0, 1, true}), 0x40000001)->eax;
  EXPECT_EQ(features, 0x0100ffffu & ~(1u << 4 | 1u << 10 | 1u << 14));
}

TEST(PlanCpuid, AddsTheSignatureWhereTheKernelLeavesItOut) {
  const auto leaf = Find(PlanCpuid({}, {0, 1, true}), 0x40000000);
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->ebx, 0x4b4d564bu);
}

TEST(PlanCpuid, FeatureLeafNumbersTheProcessor) {
  const auto leaf = Find(PlanCpuid(Host(), {5, 6, true}), 0x1);
  EXPECT_EQ(leaf->ebx, 0x05080800u);  // id 5, 8 addressable, CLFLUSH size kept
  EXPECT_NE(leaf->edx & 1u << 28, 0u);
  const auto single = Find(PlanCpuid(Host(), {0, 1, true}), 0x1);
  EXPECT_EQ(single->ebx, 0x00010800u);
  EXPECT_EQ(single->edx & 1u << 28, 0u);
}

TEST(PlanCpuid, CachesBelowTheThirdLevelAreACoresOwn) {
  const auto plan = PlanCpuid(Host(), {0, 8, true});
  EXPECT_EQ(Find(plan, 0x4, 0)->eax, 0x1c000121u);
  EXPECT_EQ(Find(plan, 0x4, 3)->eax, 0x1c01c163u);
  EXPECT_EQ(Find(plan, 0x4, 4)->eax, 0u);
  EXPECT_EQ(Find(plan, 0x8000001d)->eax, 0x121u);
}

TEST(PlanCpuid, TopologyLeavesTellOneSocketOfSingleThreadCores) {
  const auto plan = PlanCpuid(Host(), {5, 6, true});
  for (const uint32_t function : {0xbu, 0x1fu}) {
    EXPECT_EQ(Find(plan, function, 0), (CpuidEntry{function, 0, true, 0, 1, 0x100, 5}));
    EXPECT_EQ(Find(plan, function, 1), (CpuidEntry{function, 1, true, 3, 6, 0x201, 5}));
    EXPECT_EQ(Find(plan, function, 2), (CpuidEntry{function, 2, true, 0, 0, 2, 5}));
  }
}

TEST(PlanCpuid, NewerTopologyLeafOnlyWhereTheProcessorReachesIt) {
  auto host = Host();
  host[0].eax = 0xd;
  const auto plan = PlanCpuid(host, {0, 2, true});
  EXPECT_TRUE(Find(plan, 0xb));
  EXPECT_FALSE(Find(plan, 0x1f));
}

TEST(PlanCpuid, AmdLeavesTellTheSame) {
  auto host = Host();
  host[0].ebx = 0x68747541;  // "Auth"
  const auto plan = PlanCpuid(host, {5, 6, true});
  EXPECT_EQ(Find(plan, 0x80000008)->ecx, 0x3005u);
  EXPECT_EQ(Find(plan, 0x8000001e), (CpuidEntry{0x8000001e, 0, false, 5, 5, 0, 0}));
  EXPECT_NE(Find(plan, 0x80000001)->ecx & 2u, 0u);
  EXPECT_EQ(Find(PlanCpuid(host, {0, 1, true}), 0x80000001)->ecx & 2u, 0u);
}

TEST(PlanCpuid, IntelHasNoCoreCountInTheAddressLeaf) {
  EXPECT_EQ(Find(PlanCpuid(Host(), {5, 6, true}), 0x80000008)->ecx, 0x7007u);
}

// Every processor of every size has its own id, and the id fits into the bits that are told.
TEST(PlanCpuid, IdsAreDistinctAndFit) {
  for (uint32_t count = 1; count <= kMaxCpus; ++count) {
    for (uint32_t index = 0; index < count; ++index) {
      const auto plan = PlanCpuid(Host(), {index, count, true});
      const auto core = Find(plan, 0xb, 1);
      ASSERT_EQ(core->edx, index);
      ASSERT_EQ(core->edx >> core->eax, 0u) << "socket of processor " << index << " of " << count;
      ASSERT_EQ(Find(plan, 0x1)->ebx >> 24, index);
    }
  }
}

TEST(PhysicalAddressBits, TakesTheLeafOrTheOldWidth) {
  EXPECT_EQ(PhysicalAddressBits({}), 36u);
  EXPECT_EQ(PhysicalAddressBits(Host()), 40u);
  const std::vector<CpuidEntry> narrowed = {{0x80000008, 0, false, 0x303034, 0, 0, 0}};
  EXPECT_EQ(PhysicalAddressBits(narrowed), 48u);
  const std::vector<CpuidEntry> wrong = {{0x80000008, 0, false, 0x03ff, 0, 0, 0}};
  EXPECT_EQ(PhysicalAddressBits(wrong), 52u);
}

TEST(PlanCpuid, SurvivesRandomReplies) {
  std::mt19937 engine(7);
  const auto random = [&] { return static_cast<uint32_t>(engine()); };
  for (int round = 0; round < 3000; ++round) {
    std::vector<CpuidEntry> host(random() % 20);
    for (CpuidEntry& entry : host) {
      const uint32_t base = std::array{0u, 0x40000000u, 0x80000000u}[random() % 3];
      entry = {base + random() % 0x30, random() % 4, true, random(), random(), random(), random()};
    }
    const auto plan = PlanCpuid(host, {3, 4, true});
    EXPECT_LE(plan.size(), host.size() + 8);
    EXPECT_LE(PhysicalAddressBits(host), 52u);
  }
}

}  // namespace
}  // namespace vmm::kvm
