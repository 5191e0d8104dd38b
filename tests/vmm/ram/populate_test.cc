#include "vmm/ram/populate.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sysfs/base/address.h"
#include "sysfs/base/mapping.h"
#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using base::kGiB;
using base::kMiB;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

// Only addresses: nothing is touched.
std::span<std::byte> Block(uintptr_t address, size_t size) {
  return {reinterpret_cast<std::byte*>(address), size};
}

TEST(PlanPopulate, ChunksCoverEachBlockOnce) {
  for (const uint64_t page : {2 * kMiB, kGiB}) {
    const std::array blocks = {Block(kGiB, 2 * kGiB + 300 * kMiB), Block(8 * kGiB, 5 * kMiB)};
    const PopulatePlan plan = PlanPopulate(blocks, page, 4);
    EXPECT_EQ(plan.threads, 4u);
    size_t at = 0;
    for (const std::span<std::byte>& block : blocks) {
      const std::byte* next = block.data();
      for (size_t covered = 0; covered < block.size(); ++at) {
        ASSERT_LT(at, plan.chunks.size());
        const auto& chunk = plan.chunks[at];
        EXPECT_EQ(chunk.data(), next);
        covered += chunk.size();
        next += chunk.size();
        EXPECT_TRUE(chunk.size() % page == 0 || covered == block.size());
      }
    }
    EXPECT_EQ(at, plan.chunks.size());
  }
}

TEST(PlanPopulate, HasAtMostOneThreadAChunkAndAtLeastOne) {
  const std::array one = {Block(kGiB, 2 * kMiB)};
  EXPECT_EQ(PlanPopulate(one, 2 * kMiB, 64).threads, 1u);
  const std::array many = {Block(kGiB, 8 * kGiB)};
  EXPECT_EQ(PlanPopulate(many, 2 * kMiB, 0).threads, 1u);
  EXPECT_EQ(PlanPopulate(many, 2 * kMiB, 1000).threads, 32u);
  EXPECT_EQ(PlanPopulate({}, 2 * kMiB, 4).threads, 0u);
}

size_t PagesPresent(std::span<const std::byte> memory) {
  std::vector<unsigned char> pages(memory.size() / base::kPageSize);
  EXPECT_EQ(::mincore(const_cast<std::byte*>(memory.data()), memory.size(), pages.data()), 0);
  return static_cast<size_t>(std::count_if(pages.begin(), pages.end(),
                                           [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(Population, GivesAllMemoryItsPages) {
  auto mapping = base::Mapping::Anonymous(150 * kMiB, 2 * kMiB);
  ASSERT_THAT(mapping, IsOk());
  EXPECT_EQ(PagesPresent(mapping->bytes()), 0u);
  const std::array blocks = {mapping->bytes()};
  Population population(PlanPopulate(blocks, 2 * kMiB, 2));
  uint64_t last = 0, total = 0;
  EXPECT_THAT(population.Wait([&](uint64_t done, uint64_t all) {
    EXPECT_GE(done, last);
    last = done;
    total = all;
  }),
              IsOk());
  EXPECT_EQ(last, 150 * kMiB);
  EXPECT_EQ(total, 150 * kMiB);
  EXPECT_EQ(PagesPresent(mapping->bytes()), 150 * kMiB / base::kPageSize);
}

TEST(Population, NothingToDoIsDone) {
  Population population(PlanPopulate({}, 2 * kMiB, 2));
  EXPECT_THAT(population.Wait({}), IsOk());
}

TEST(Population, MemoryThatIsNotThereIsAnErrorWithItsCure) {
  const base::Fd file(::memfd_create("short", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.raw(), kMiB), 0);
  auto mapping = base::Mapping::File(file, 0, 4 * kMiB, base::Protection::kReadWrite);
  ASSERT_THAT(mapping, IsOk());
  const std::array blocks = {mapping->bytes()};
  Population population(PlanPopulate(blocks, 2 * kMiB, 2));
  const base::Status status = population.Wait({});
  ASSERT_THAT(status, FailsWith(Code::kKernel, HasSubstr("0 B of 4 MiB")));
  EXPECT_THAT(status.error().hint(), HasSubstr("less --memory"));
}

TEST(Population, EndsWithoutAWaiter) {
  auto mapping = base::Mapping::Anonymous(256 * kMiB, 2 * kMiB);
  ASSERT_THAT(mapping, IsOk());
  const std::array blocks = {mapping->bytes()};
  Population population(PlanPopulate(blocks, 2 * kMiB, 4));
}

}  // namespace
}  // namespace vmm
