#include "vfio/type1_space.h"

#include <cerrno>
#include <cstring>
#include <random>

#include "sysfs/base/bits.h"
#include "tests/vfio/space_fixture.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Type1SpaceTest : public SpaceTest {
 protected:
  std::unique_ptr<DmaSpace> Open() { return SpaceTest::Open(Backend::kType1); }
};

TEST_F(Type1SpaceTest, OpenSaysWhatIsMissing) {
  host_.kernel.FailOpen("/dev/vfio/vfio", ENOENT);
  EXPECT_THAT(Type1Space::Open(host_.kernel, host_.tree), FailsWith(Code::kUnsupported));
  host_.kernel.FailOpen("/dev/vfio/vfio", EACCES);
  EXPECT_THAT(Type1Space::Open(host_.kernel, host_.tree), FailsWith(Code::kDenied));
}

TEST_F(Type1SpaceTest, OpenRefusesAnotherInterface) {
  test::ScriptedKernel kernel;
  kernel.Reply("VFIO_GET_API_VERSION", 1);
  EXPECT_THAT(Type1Space::Open(kernel, host_.tree), FailsWith(Code::kUnsupported));
  kernel.Reply("VFIO_GET_API_VERSION", 0);
  kernel.Reply("VFIO_CHECK_EXTENSION", 0);
  const auto space = Type1Space::Open(kernel, host_.tree);
  EXPECT_THAT(space, FailsWith(Code::kUnsupported, HasSubstr("type1")));
  EXPECT_THAT(kernel.open_files(), IsEmpty());
}

TEST_F(Type1SpaceTest, CallsInTheKernelsOrder) {
  {
    const auto space = Open();
    const KvmLink link = [this](int) -> base::Status {
      const base::Fd dummy = host_.kernel.MakeFile("link", 0);
      return {};
    };
    ASSERT_THAT(space->Claim(kNvme, link), IsOk());
    ASSERT_THAT(space->Claim(kOther, link), IsOk());
    const auto fd = space->OpenDevice(kNvme);
    ASSERT_THAT(fd, IsOk());
  }
  EXPECT_THAT(host_.kernel.journal(),
              ElementsAre("open /dev/vfio/vfio", "VFIO_GET_API_VERSION", "VFIO_CHECK_EXTENSION",
                          "open /dev/vfio/14", "VFIO_GROUP_GET_STATUS", "VFIO_GROUP_SET_CONTAINER",
                          "VFIO_SET_IOMMU", "close link", "open /dev/vfio/15",
                          "VFIO_GROUP_GET_STATUS", "VFIO_GROUP_SET_CONTAINER", "close link",
                          "VFIO_GROUP_GET_DEVICE_FD", "close 0000:08:00.0", "close /dev/vfio/14",
                          "close /dev/vfio/15", "close /dev/vfio/vfio"));
}

TEST_F(Type1SpaceTest, DevicesOfOneGroupShareItsFile) {
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  ASSERT_THAT(space->Claim(kSibling, link_), IsOk());
  EXPECT_EQ(host_.kernel.count("open /dev/vfio/14"), 1u);
  EXPECT_EQ(links_, 1);
  EXPECT_THAT(space->OpenDevice(kNvme), IsOk());
  EXPECT_THAT(space->OpenDevice(kSibling), IsOk());
  EXPECT_THAT(space->Claim(kSibling, link_), FailsWith(Code::kUsage));
}

TEST_F(Type1SpaceTest, ATokenIsSaidBehindTheAddress) {
  std::string said;
  host_.kernel.HandlePath("/dev/vfio/15", [&](unsigned long request, void* argument, auto) {
    if (request != VFIO_GROUP_GET_DEVICE_FD) {
      if (request == VFIO_GROUP_GET_STATUS)
        static_cast<::vfio_group_status*>(argument)->flags = VFIO_GROUP_FLAGS_VIABLE;
      return 0;
    }
    said = static_cast<const char*>(argument);
    return -EACCES;
  });
  host_.kernel.Reply("VFIO_SET_IOMMU", 0);
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  ASSERT_THAT(space->Claim(kOther, link_), IsOk());
  const auto token = VfToken::Parse("00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_THAT(space->OpenDevice(kOther, *token), FailsWith(Code::kDenied));
  EXPECT_EQ(said, "0000:09:00.0 vf_token=00112233-4455-6677-8899-aabbccddeeff");
}

TEST_F(Type1SpaceTest, RelinkCoversEachGroupOnce) {
  const auto space = Open();
  for (const auto& device : {kNvme, kSibling, kOther})
    ASSERT_THAT(space->Claim(device, link_), IsOk());
  links_ = 0;
  ASSERT_THAT(space->Relink(link_), IsOk());
  EXPECT_EQ(links_, 2);
}

TEST_F(Type1SpaceTest, NamesTheHolderOfABusyGroup) {
  host_.kernel.FailOpen("/dev/vfio/14", EBUSY);
  host_.tree.AddLink("/proc/1234/fd/7", "/dev/vfio/14");
  host_.tree.AddFile("/proc/1234/comm", "qemu-system-x86\n");
  const auto space = Open();
  EXPECT_THAT(space->Claim(kNvme, link_),
              FailsWith(Code::kInUse, HasSubstr("qemu-system-x86 (pid 1234)")));
}

TEST_F(Type1SpaceTest, NamesTheDriverOfADeviceThatIsNotBound) {
  host_.tree.AddDriver("nvme");
  host_.tree.AddDevice({.bdf = "0000:0a:00.0", .driver = "nvme", .group = 20});
  host_.kernel.FailOpen("/dev/vfio/20", ENOENT);
  const auto space = Open();
  const auto status = space->Claim({0, 10, 0, 0}, link_);
  ASSERT_THAT(status, FailsWith(Code::kInUse, HasSubstr("nvme")));
  EXPECT_THAT(status.error().hint(), HasSubstr("vassign bind 0000:0a:00.0"));
}

TEST_F(Type1SpaceTest, NamesTheBlockersOfAGroup) {
  host_.tree.AddDriver("igb");
  host_.tree.AddDevice({.bdf = "0000:08:00.2", .driver = "igb", .group = 14});
  host_.vfio.MakeUnviable(14);
  const auto space = Open();
  EXPECT_THAT(space->Claim(kNvme, link_),
              FailsWith(Code::kUnfit, HasSubstr("0000:08:00.2 is on igb")));
  EXPECT_THAT(host_.kernel.open_files(), ElementsAre("/dev/vfio/vfio"));
}

TEST_F(Type1SpaceTest, SaysThatInterruptRemappingIsMissing) {
  const auto space = Open();
  host_.kernel.FailCall(4, EPERM);  // open, status, container, IOMMU
  const auto status = space->Claim(kNvme, link_);
  ASSERT_THAT(status, FailsWith(Code::kUnfit, HasSubstr("interrupt remapping")));
  EXPECT_THAT(status.error().hint(), HasSubstr("vfio_iommu_type1.allow_unsafe_interrupts=1"));
  EXPECT_EQ(host_.kernel.journal().back(), "close /dev/vfio/14");
}

std::vector<std::byte> IommuInfo(const std::vector<IovaRange>& ranges) {
  std::vector<std::byte> reply(sizeof(::vfio_iommu_type1_info) + 16 + 16 * ranges.size());
  ::vfio_iommu_type1_info info{};
  info.flags = VFIO_IOMMU_INFO_CAPS;
  info.cap_offset = sizeof info;
  std::memcpy(reply.data(), &info, sizeof info);
  base::StoreLe<uint16_t>(reply, sizeof info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
  base::StoreLe<uint32_t>(reply, sizeof info + 8, static_cast<uint32_t>(ranges.size()));
  for (size_t i = 0; i < ranges.size(); ++i) {
    base::StoreLe<uint64_t>(reply, sizeof info + 16 + 16 * i, ranges[i].start);
    base::StoreLe<uint64_t>(reply, sizeof info + 24 + 16 * i, ranges[i].last);
  }
  return reply;
}

TEST(ParseIommuInfo, RefusesShortAndMalformedReplies) {
  EXPECT_THAT(ParseIommuInfo({}), FailsWith(Code::kKernel));
  auto reply = IommuInfo({{0, 0xfff}});
  EXPECT_THAT(ParseIommuInfo(std::span(reply).first(44)), FailsWith(Code::kKernel));
  base::StoreLe<uint32_t>(reply, 16, 4);
  EXPECT_THAT(ParseIommuInfo(reply), FailsWith(Code::kKernel));
}

TEST(ParseIommuInfo, AKernelThatSaysNothingAllowsAll) {
  auto reply = IommuInfo({});
  base::StoreLe<uint32_t>(reply, 4, 0);
  EXPECT_THAT(ParseIommuInfo(reply), IsOkAnd(ElementsAre(IovaRange{0, UINT64_MAX})));
}

TEST(ParseIommuInfo, RandomBytesStayInBounds) {
  std::mt19937 random(3);
  unsigned accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    auto reply = IommuInfo(std::vector<IovaRange>(random() % 4));
    for (auto i = random() % 6; i > 0; --i)
      reply[random() % reply.size()] = static_cast<std::byte>(random() % 64);
    const auto ranges = ParseIommuInfo(reply);
    if (!ranges) continue;
    ++accepted;
    ASSERT_LE(ranges->size(), reply.size() / 16);
  }
  EXPECT_GT(accepted, 300u);
}

}  // namespace
}  // namespace vfio
