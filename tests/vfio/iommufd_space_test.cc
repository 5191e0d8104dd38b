#include "vfio/iommufd_space.h"

#include <cerrno>
#include <cstring>

#include "tests/vfio/space_fixture.h"
#include "vfio/facts.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class IommufdSpaceTest : public SpaceTest {
 protected:
  std::unique_ptr<DmaSpace> Open() { return SpaceTest::Open(Backend::kIommufd); }
  std::string FileOf(const sysfs::PciAddress& device) const {
    return FindDeviceFile(host_.tree, device).value_or("?");
  }
};

TEST_F(IommufdSpaceTest, OpenSaysWhatIsMissing) {
  host_.kernel.FailOpen("/dev/iommu", ENOENT);
  EXPECT_THAT(IommufdSpace::Open(host_.kernel, host_.tree), FailsWith(Code::kUnsupported));
  host_.kernel.FailOpen("/dev/iommu", EACCES);
  EXPECT_THAT(IommufdSpace::Open(host_.kernel, host_.tree), FailsWith(Code::kDenied));
}

TEST_F(IommufdSpaceTest, CallsInTheKernelsOrder) {
  const std::string node = DeviceNode(FileOf(kNvme));
  {
    const auto space = Open();
    const KvmLink link = [this](int) -> base::Status {
      const base::Fd dummy = host_.kernel.MakeFile("link", 0);
      return {};
    };
    ASSERT_THAT(space->Claim(kNvme, link), IsOk());
    const auto fd = space->OpenDevice(kNvme);
    ASSERT_THAT(fd, IsOk());
  }
  EXPECT_THAT(host_.kernel.journal(),
              ElementsAre("open /dev/iommu", "IOMMU_IOAS_ALLOC", "open " + node, "close link",
                          "VFIO_DEVICE_BIND_IOMMUFD", "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
                          "close 0000:08:00.0", "IOMMU_DESTROY", "close /dev/iommu"));
}

TEST_F(IommufdSpaceTest, BindsToItsIommufd) {
  int bound_to = -1;
  host_.kernel.On("VFIO_DEVICE_BIND_IOMMUFD", [&](unsigned long, void* argument) {
    bound_to = static_cast<uapi::vfio_device_bind_iommufd*>(argument)->iommufd;
    return 0;
  });
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  ASSERT_THAT(space->OpenDevice(kNvme), IsOk());
  EXPECT_GE(bound_to, 0);
}

TEST_F(IommufdSpaceTest, ATokenGoesWithTheBind) {
  const VfToken token = *VfToken::Parse("00112233-4455-6677-8899-aabbccddeeff");
  int result = 0;
  VfToken seen;
  host_.kernel.On("VFIO_DEVICE_BIND_IOMMUFD", [&](unsigned long, void* argument) {
    const auto* const bind = static_cast<uapi::bind_iommufd_with_token*>(argument);
    if (bind->argsz != 24 || bind->flags != 1) return -EFAULT;
    std::memcpy(seen.bytes.data(), reinterpret_cast<void*>(bind->token_uuid_ptr), 16);
    return result;
  });
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->OpenDevice(kNvme, token), IsOk());
  EXPECT_EQ(seen, token);
  result = -EINVAL;
  const auto refused = space->OpenDevice(kNvme, token);
  ASSERT_THAT(refused, FailsWith(Code::kUnsupported, HasSubstr("VF token")));
  EXPECT_THAT(refused.error().hint(), HasSubstr("6.18"));
}

TEST_F(IommufdSpaceTest, AllDevicesShareOneAddressSpace) {
  const auto space = Open();
  for (const auto& device : {kNvme, kSibling, kOther}) {
    ASSERT_THAT(space->Claim(device, link_), IsOk());
    ASSERT_THAT(space->OpenDevice(device), IsOk());
  }
  EXPECT_EQ(host_.kernel.count("IOMMU_IOAS_ALLOC"), 1u);
  links_ = 0;
  ASSERT_THAT(space->Relink(link_), IsOk());
  EXPECT_EQ(links_, 3);
}

TEST_F(IommufdSpaceTest, RefusesAStaleNode) {
  const std::string path = "/sys/bus/pci/devices/0000:08:00.0/vfio-dev/" + FileOf(kNvme) + "/dev";
  host_.tree.AddFile(path, "511:7\n");
  const auto space = Open();
  EXPECT_THAT(space->Claim(kNvme, link_), FailsWith(Code::kKernel, HasSubstr("511:7")));
  EXPECT_THAT(host_.kernel.open_files(), ElementsAre("/dev/iommu"));
  host_.tree.AddFile(path, "0:0\n");  // a memfd is no device
  EXPECT_THAT(space->Claim(kNvme, link_), IsOk());
}

TEST_F(IommufdSpaceTest, NamesTheDriverOfADeviceThatIsNotBound) {
  host_.tree.AddDriver("nvme");
  host_.tree.AddDevice({.bdf = "0000:0a:00.0", .driver = "nvme", .group = 20});
  const auto space = Open();
  EXPECT_THAT(space->Claim({0, 10, 0, 0}, link_), FailsWith(Code::kInUse, HasSubstr("nvme")));
}

TEST_F(IommufdSpaceTest, SaysThatTheKernelHasNoDeviceFiles) {
  Host host(/*cdevs=*/false);
  auto space = IommufdSpace::Open(host.kernel, host.tree);
  ASSERT_THAT(space, IsOk());
  EXPECT_THAT((*space)->Claim(kNvme, link_),
              FailsWith(Code::kUnsupported, HasSubstr("no device file")));
}

TEST_F(IommufdSpaceTest, NamesTheHolderOfABoundDevice) {
  host_.tree.AddLink("/proc/1234/fd/7", DeviceNode(FileOf(kNvme)));
  host_.tree.AddFile("/proc/1234/comm", "crosvm\n");
  host_.kernel.Reply("VFIO_DEVICE_BIND_IOMMUFD", -EINVAL);
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->OpenDevice(kNvme), FailsWith(Code::kInUse, HasSubstr("crosvm (pid 1234)")));
}

TEST_F(IommufdSpaceTest, NamesTheBlockersOfAGroup) {
  host_.tree.AddDriver("igb");
  host_.tree.AddDevice({.bdf = "0000:08:00.2", .driver = "igb", .group = 14});
  host_.kernel.Reply("VFIO_DEVICE_BIND_IOMMUFD", -EPERM);
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  EXPECT_THAT(space->OpenDevice(kNvme),
              FailsWith(Code::kUnfit, HasSubstr("0000:08:00.2 is on igb")));
}

TEST_F(IommufdSpaceTest, SaysThatInterruptRemappingIsMissing) {
  host_.kernel.Reply("VFIO_DEVICE_BIND_IOMMUFD", -EPERM);
  const auto space = Open();
  ASSERT_THAT(space->Claim(kNvme, link_), IsOk());
  const auto fd = space->OpenDevice(kNvme);
  ASSERT_THAT(fd, FailsWith(Code::kUnfit, HasSubstr("interrupt remapping")));
  EXPECT_THAT(fd.error().hint(), HasSubstr("iommufd.allow_unsafe_interrupts=1"));
}

TEST_F(IommufdSpaceTest, AnEndlessListOfRangesIsRefused) {
  const auto space = Open();
  host_.vfio.SetAllowed(std::vector<IovaRange>(5000));
  EXPECT_THAT(space->AllowedRanges(), FailsWith(Code::kKernel, HasSubstr("/dev/iommu")));
}

}  // namespace
}  // namespace vfio
