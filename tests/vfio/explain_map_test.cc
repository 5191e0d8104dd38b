#include "vfio/explain_map.h"

#include <gmock/gmock.h>

#include <cerrno>

namespace vfio {
namespace {

using base::Code;
using base::kGiB;
using base::kMiB;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

MapFacts Facts() {
  MapFacts facts;
  facts.range = {0xfe000000, 0x1000000};
  facts.allowed = {{0, 0xfedfffff}, {0xfef00000, 0x7fffffffff}};
  sysfs::IommuGroup group;
  group.id = 14;
  group.reserved = {{0xfee00000, 0xfeefffff, sysfs::ReservedKind::kMsi, "msi"}};
  facts.groups = {group};
  facts.limits = {8 * kMiB, 8 * kMiB, false};
  return facts;
}

TEST(ExplainMap, NamesTheReservedRegionAndItsGroup) {
  const base::Error error = ExplainMap(EINVAL, Facts());
  EXPECT_EQ(error.code(), Code::kUnfit);
  EXPECT_EQ(error.err(), EINVAL);
  EXPECT_THAT(error.message(), AllOf(StartsWith("map 0xfe000000-0xfeffffff for DMA"),
                                     HasSubstr("0xfee00000-0xfeefffff, reserved (msi)"),
                                     HasSubstr("group 14"), HasSubstr("0x0-0xfedfffff")));
}

TEST(ExplainMap, NamesTheAllowedRangesWhenNobodyReserves) {
  MapFacts facts = Facts();
  facts.range = {0x8000000000, 0x1000};
  const base::Error error = ExplainMap(EINVAL, facts);
  EXPECT_EQ(error.code(), Code::kUnfit);
  EXPECT_THAT(error.message(), HasSubstr("0xfef00000-0x7fffffffff"));
}

TEST(ExplainMap, InsideTheAllowedRangesItIsTheAlignment) {
  MapFacts facts = Facts();
  facts.range = {0x1000, 0x1000};
  EXPECT_THAT(ExplainMap(EINVAL, facts).message(), HasSubstr("page size"));
  facts.allowed.clear();
  EXPECT_THAT(ExplainMap(EINVAL, facts).message(), HasSubstr("page size"));
}

TEST(ExplainMap, CountsWhatIsLockedAlready) {
  MapFacts facts = Facts();
  facts.range = {0, kGiB};
  facts.mapped = kGiB;
  const base::Error error = ExplainMap(ENOMEM, facts);
  EXPECT_EQ(error.code(), Code::kDenied);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("2 GiB needed"), HasSubstr("8 MiB")));
  EXPECT_THAT(error.hint(), HasSubstr("LimitMEMLOCK"));
}

TEST(ExplainMap, ASoftLimitCanBeRaisedByOneself) {
  MapFacts facts = Facts();
  facts.range = {0, kGiB};
  facts.limits.hard = 4 * kGiB;
  const base::Error error = ExplainMap(ENOMEM, facts);
  EXPECT_EQ(error.code(), Code::kDenied);
  EXPECT_THAT(error.hint(), HasSubstr("ulimit -l 1048576"));
}

TEST(ExplainMap, WithEnoughLimitTheHostIsOutOfMemory) {
  MapFacts facts = Facts();
  facts.limits.exempt = true;
  const base::Error error = ExplainMap(ENOMEM, facts);
  EXPECT_EQ(error.code(), Code::kKernel);
  EXPECT_THAT(error.message(), HasSubstr("out of memory"));
}

TEST(ExplainMap, NamesTheMapInTheWay) {
  MapFacts facts = Facts();
  facts.overlap = base::Range{0xfe000000, 0x2000};
  const base::Error error = ExplainMap(EEXIST, facts);
  EXPECT_EQ(error.code(), Code::kInternal);
  EXPECT_THAT(error.message(), HasSubstr("0xfe000000-0xfe001fff"));
}

TEST(ExplainMap, OtherErrnos) {
  EXPECT_THAT(ExplainMap(ENOSPC, Facts()).hint(), HasSubstr("dma_entry_limit"));
  EXPECT_THAT(ExplainMap(EFAULT, Facts()).message(), HasSubstr("not mapped"));
  EXPECT_EQ(ExplainMap(EIO, Facts()).code(), Code::kKernel);
}

TEST(ExplainUnmap, TellsMistakesFromTheKernel) {
  const base::Range range{0x1000, 0x1000};
  EXPECT_EQ(ExplainUnmap(0, range).code(), Code::kInternal);
  EXPECT_EQ(ExplainUnmap(ENOENT, range).code(), Code::kInternal);
  EXPECT_EQ(ExplainUnmap(EBUSY, range).code(), Code::kInUse);
  EXPECT_EQ(ExplainUnmap(EIO, range).code(), Code::kKernel);
  EXPECT_THAT(ExplainUnmap(EIO, range).message(), HasSubstr("0x1000-0x1fff"));
}

}  // namespace
}  // namespace vfio
