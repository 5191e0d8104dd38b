// What both kinds of DMA space promise (vfio/dma_space.h).
#include "vfio/dma_space.h"

#include <cerrno>
#include <thread>

#include "tests/vfio/space_fixture.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DmaSpaceTest : public SpaceTest, public testing::WithParamInterface<Backend> {
 protected:
  std::unique_ptr<DmaSpace> Open() { return SpaceTest::Open(GetParam()); }
  std::string map_call() const {
    return GetParam() == Backend::kType1 ? "VFIO_IOMMU_MAP_DMA" : "IOMMU_IOAS_MAP";
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, DmaSpaceTest,
                         testing::Values(Backend::kType1, Backend::kIommufd), [](const auto& each) {
                           return each.param == Backend::kType1 ? "Type1" : "Iommufd";
                         });

TEST_P(DmaSpaceTest, RefusesADeviceThatIsNotThere) {
  const auto space = Open();
  EXPECT_THAT(space->Claim({0, 0x55, 0, 0}, link_),
              FailsWith(Code::kNotFound, HasSubstr("0000:55:00.0")));
}

TEST_P(DmaSpaceTest, RefusesADeviceWithoutIommu) {
  host_.tree.AddDevice({.bdf = "0000:0a:00.0", .driver = "vfio-pci"});
  const auto space = Open();
  EXPECT_THAT(space->Claim({0, 10, 0, 0}, link_), FailsWith(Code::kUnfit, HasSubstr("IOMMU")));
}

TEST_P(DmaSpaceTest, RefusesTheSameDeviceTwice) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->Claim(kNvme, link_), FailsWith(Code::kUsage, HasSubstr("0000:08:00.0")));
}

TEST_P(DmaSpaceTest, OpensNoDeviceThatWasNotClaimed) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->OpenDevice(kOther), FailsWith(Code::kInternal));
}

TEST_P(DmaSpaceTest, MapsWholePagesOnly) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->Map({0x1000}, {}), FailsWith(Code::kInternal));
  EXPECT_THAT(space->Map({0x1000}, memory().first(0x800)), FailsWith(Code::kInternal));
  EXPECT_THAT(space->Map({0x1800}, memory()), FailsWith(Code::kInternal));
  EXPECT_THAT(space->Map({0x1000}, memory().subspan(0x800, 0x1000)), FailsWith(Code::kInternal));
  EXPECT_THAT(space->Map({UINT64_MAX - 0xfff}, memory()), FailsWith(Code::kInternal));
  EXPECT_EQ(host_.kernel.count(map_call()), 0u);
}

TEST_P(DmaSpaceTest, OneKernelMapForEachRange) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  ASSERT_THAT(space->Map({0}, memory().first(0x1000)), IsOk());
  ASSERT_THAT(space->Map({uint64_t{1} << 32}, memory().subspan(0x1000)), IsOk());
  const auto address = reinterpret_cast<uintptr_t>(memory().data());
  EXPECT_THAT(host_.vfio.maps(),
              ElementsAre(test::FakeVfioHost::Mapped{0, 0x1000, address},
                          test::FakeVfioHost::Mapped{uint64_t{1} << 32, 0x3000, address + 0x1000}));
  EXPECT_EQ(space->map_count(), 2u);
  EXPECT_EQ(host_.kernel.count(map_call()), 2u);
}

TEST_P(DmaSpaceTest, NamesTheMapInTheWay) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  ASSERT_THAT(space->Map({0x2000}, memory()), IsOk());
  EXPECT_THAT(space->Map({0x4000}, memory()),
              FailsWith(Code::kInternal, HasSubstr("0x2000-0x5fff")));
  EXPECT_EQ(space->map_count(), 1u);
}

TEST_P(DmaSpaceTest, NamesTheReservedRegionInTheWay) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->Map({0xfedfe000}, memory()),
              FailsWith(Code::kUnfit, HasSubstr("reserved (msi) by IOMMU group 14")));
  EXPECT_THAT(host_.vfio.maps(), IsEmpty());
}

TEST_P(DmaSpaceTest, UnmapsWhatWasMappedAsOne) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  ASSERT_THAT(space->Map({0x2000}, memory()), IsOk());
  EXPECT_THAT(space->Unmap({0x2000}, 0x1000), FailsWith(Code::kInternal, HasSubstr("not mapped")));
  EXPECT_THAT(space->Unmap({0x3000}, 0x1000), FailsWith(Code::kInternal));
  EXPECT_EQ(host_.vfio.maps().size(), 1u);
  EXPECT_THAT(space->Unmap({0x2000}, 0x4000), IsOk());
  EXPECT_THAT(host_.vfio.maps(), IsEmpty());
  EXPECT_THAT(space->Unmap({0x2000}, 0x4000), FailsWith(Code::kInternal));
  EXPECT_THAT(space->Map({0x2000}, memory()), IsOk());
}

TEST_P(DmaSpaceTest, SaysWhereMapsMayGo) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->AllowedRanges(),
              IsOkAnd(ElementsAre(IovaRange{0, 0xfedfffff}, IovaRange{0xfef00000, 0x7fffffffff})));
}

TEST_P(DmaSpaceTest, ManyAllowedRangesAreReadWhole) {
  std::vector<IovaRange> many;
  for (uint64_t i = 0; i < 200; ++i) many.push_back({i << 32, (i << 32) + 0xffff});
  host_.vfio.SetAllowed(many);
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->AllowedRanges(), IsOkAnd(testing::ContainerEq(many)));
}

TEST_P(DmaSpaceTest, AFailingLinkClaimsNothing) {
  const auto space = Open();
  const auto before = host_.kernel.open_files();
  const KvmLink refuse = [](int) -> base::Status { return base::Fail(Code::kKernel, "no link"); };
  EXPECT_THAT(space->Claim(kNvme, refuse), FailsWith(Code::kKernel, HasSubstr("no link")));
  EXPECT_EQ(host_.kernel.open_files(), before);
  EXPECT_THAT(space->OpenDevice(kNvme), FailsWith(Code::kInternal));
}

TEST_P(DmaSpaceTest, OpensDifferentDevicesAtOnce) {
  const auto space = Open();
  const std::array devices = {kNvme, kSibling, kOther};
  for (const auto& device : devices) ASSERT_THAT(space->Claim(device, link_), IsOk());
  std::array<bool, 3> opened{};
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < devices.size(); ++i) {
      threads.emplace_back([&, i] {
        auto fd = space->OpenDevice(devices[i]);
        if (fd) opened[i] = Device::Create(host_.kernel, devices[i], std::move(*fd)).has_value();
      });
    }
  }
  EXPECT_THAT(opened, ElementsAre(true, true, true));
}

// A start with one call failing leaves nothing open, whichever call it is.
TEST_P(DmaSpaceTest, AFailureAtAnyStepLeavesNothingOpen) {
  const auto start = [&](Host& host) -> base::Status {
    const auto space = TRY(OpenSpace(host.kernel, host.tree, GetParam()));
    TRY(space->Claim(kNvme, link_));
    TRY(space->Claim(kOther, link_));
    const Device first = TRY(Device::Create(host.kernel, kNvme, TRY(space->OpenDevice(kNvme))));
    const Device second = TRY(Device::Create(host.kernel, kOther, TRY(space->OpenDevice(kOther))));
    TRY(space->AllowedRanges());
    TRY(space->Map({0}, memory()));
    return space->Unmap({0}, memory().size());
  };
  Host counted;
  ASSERT_THAT(start(counted), IsOk());
  EXPECT_THAT(counted.kernel.open_files(), IsEmpty());
  const auto calls = static_cast<unsigned>(counted.kernel.journal().size());
  unsigned failures = 0;
  for (unsigned n = 1; n <= calls; ++n) {
    Host host;
    host.kernel.FailCall(n, EIO);
    const base::Status status = start(host);
    if (!status) ++failures;
    if (!status) {
      EXPECT_FALSE(status.error().message().empty()) << n;
    }
    EXPECT_THAT(host.kernel.open_files(), IsEmpty()) << n;
  }
  EXPECT_GT(failures, 30u);
}

}  // namespace
}  // namespace vfio
