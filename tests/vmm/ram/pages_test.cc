#include "vmm/ram/pages.h"

#include <gmock/gmock.h>

#include "sysfs/base/address.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using base::kGiB;
using base::kMiB;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

PagePool Pool(uint64_t free) { return {true, 8, free, 0, 0}; }

TEST(Pages, NamesAreReadBack) {
  for (const Pages pages : {Pages::kTransparent, Pages::kHuge2M, Pages::kHuge1G}) {
    EXPECT_EQ(ParsePages(PagesName(pages)), pages);
  }
  for (const char* text : {"", "4K", "2m", "2M ", "1GiB"}) EXPECT_FALSE(ParsePages(text)) << text;
}

TEST(CheckPages, TransparentOnesNeedNothing) {
  EXPECT_THAT(CheckPages(Pages::kTransparent, 4096, {}), IsOk());
}

TEST(CheckPages, RefusesASizeThatIsNoMultiple) {
  EXPECT_THAT(CheckPages(Pages::kHuge1G, kGiB + 2 * kMiB, Pool(8)),
              FailsWith(Code::kUsage, HasSubstr("no multiple of pages=1G")));
}

TEST(CheckPages, RefusesAHostWithoutSuchPages) {
  EXPECT_THAT(CheckPages(Pages::kHuge1G, kGiB, {}),
              FailsWith(Code::kUnsupported, HasSubstr("no pages of that size")));
}

TEST(CheckPages, SaysHowManyAreMissingAndHowToGetThem) {
  const base::Status status = CheckPages(Pages::kHuge2M, 8 * kMiB, Pool(1));
  ASSERT_THAT(status, FailsWith(Code::kUnfit, HasSubstr("4 pages needed, 1 free of the host's 8")));
  EXPECT_EQ(status.error().hint(),
            "echo 11 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
  EXPECT_THAT(CheckPages(Pages::kHuge2M, 8 * kMiB, Pool(4)), IsOk());
}

TEST(CheckPages, PromisedPagesAreNotFreeAndSurplusOnesAre) {
  PagePool pool = Pool(4);
  pool.promised = 1;
  EXPECT_THAT(CheckPages(Pages::kHuge2M, 8 * kMiB, pool), FailsWith(Code::kUnfit, testing::_));
  pool.surplus = 1;
  EXPECT_THAT(CheckPages(Pages::kHuge2M, 8 * kMiB, pool), IsOk());
  pool = {true, 0, 0, 5, 0};  // no underflow
  EXPECT_EQ(pool.available(), 0u);
}

TEST(ReadPagePool, ReadsTheKernelsCounters) {
  test::FakeTree tree;
  EXPECT_FALSE(ReadPagePool(tree, Pages::kHuge2M).exists);
  const std::string folder = "/sys/kernel/mm/hugepages/hugepages-1048576kB/";
  tree.AddFile(folder + "nr_hugepages", "6");
  tree.AddFile(folder + "free_hugepages", "5");
  tree.AddFile(folder + "resv_hugepages", "2");
  tree.AddFile(folder + "nr_overcommit_hugepages", "4");
  tree.AddFile(folder + "surplus_hugepages", "1");
  const PagePool pool = ReadPagePool(tree, Pages::kHuge1G);
  EXPECT_TRUE(pool.exists);
  EXPECT_EQ(pool.pages, 6u);
  EXPECT_EQ(pool.available(), 5u - 2u + 3u);
}

}  // namespace
}  // namespace vmm
