#include "vmm/fallback/resolve.h"

#include <gmock/gmock.h>

#include "tests/support/fake_kernel.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "vmm/plan.h"

namespace vmm {
namespace {

using base::Code;
using test::FailsWith;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kDrive[] = "/sys/devices/pci0000:00/0000:08:00.0";
constexpr char kCard[] = "/sys/devices/pci0000:00/0000:09:00.0";

class Fallbacks : public testing::Test {
 protected:
  Fallbacks() {
    tree_.AddDriver("vfio-pci", true);
    for (const char* name : {"nvme", "igb", "igbvf"}) tree_.AddDriver(name);
    tree_.AddDevice({.driver = "nvme", .group = 14});
    AddDisk("nvme0n1", kDrive);
    tree_.AddDevice({.bdf = "0000:09:00.0",
                     .class_code = 0x020000,
                     .driver = "igb",
                     .group = 15,
                     .totalvfs = 2});
    tree_.AddFile(std::string(kCard) + "/net/eth1/mtu", "1500\n");
    tree_.AddFile(std::string(kCard) + "/net/eth1/flags", "0x1003\n");
    tree_.AddLink("/sys/class/net/eth1", std::string(kCard) + "/net/eth1");
  }
  void AddDisk(const std::string& name, const std::string& device) {
    const std::string place = device + "/nvme/nvme0/" + name;
    tree_.AddFile(place + "/dev", "259:0\n");
    tree_.AddDirectory(place + "/holders");
    tree_.AddLink("/sys/class/block/" + name, place);
    tree_.AddFile(device + "/nvme/nvme0/serial", "S123      \n");
    tree_.AddLink("/sys/class/nvme/nvme0", device + "/nvme/nvme0");
  }
  AssignRequest& Assign(const char* bdf, bool fallback = true) {
    AssignRequest& request = options_.assign.emplace_back();
    request.host = *sysfs::PciAddress::Parse(bdf);
    if (fallback) request.fallback = FallbackWish{};
    return request;
  }
  Resolved Resolve() { return ResolveFallbacks(kernel_, tree_, options_, sources_); }

  test::FakeTree tree_;
  test::ScriptedKernel kernel_;
  Options options_;
  FallbackSources sources_;
};

TEST_F(Fallbacks, NeverByDefault) {
  Assign("0000:08:00.0", false);
  const Resolved resolved = Resolve();
  EXPECT_THAT(resolved.options.assign, SizeIs(1));
  EXPECT_THAT(resolved.options.disks, IsEmpty());
  EXPECT_THAT(resolved.options.fallbacks, IsEmpty());
  EXPECT_THAT(resolved.problems, IsEmpty());
}

TEST_F(Fallbacks, ADriveOnItsHostDriver) {
  Assign("0000:08:00.0").id = "data";
  options_.disks.push_back({});
  const Resolved resolved = Resolve();
  EXPECT_THAT(resolved.options.assign, IsEmpty());
  ASSERT_THAT(resolved.options.disks, SizeIs(2));
  EXPECT_EQ(resolved.options.disks[1].image.file, "/dev/nvme0n1");
  EXPECT_EQ(resolved.options.disks[1].serial, "S123");
  ASSERT_THAT(resolved.options.fallbacks, SizeIs(1));
  EXPECT_EQ(resolved.options.fallbacks[0].index, 1u);
  EXPECT_EQ(resolved.options.fallbacks[0].why.hint(), "vassign bind 0000:08:00.0");
  const auto topology = PlanTopology(resolved.options, {});
  ASSERT_TRUE(topology);
  EXPECT_EQ(topology->emulated[0].id, "disk0");
  EXPECT_EQ(topology->emulated[1].id, "data");
}

TEST_F(Fallbacks, AMountedDriveStaysTheHosts) {
  tree_.AddFile("/proc/self/mountinfo", "36 35 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n");
  Assign("0000:08:00.0");
  Resolved resolved = Resolve();
  EXPECT_THAT(resolved.options.disks, IsEmpty());
  EXPECT_THAT(resolved.options.assign, SizeIs(1));
  EXPECT_THAT(TakeFallbacks(std::move(resolved)),
              FailsWith(Code::kInUse, HasSubstr("nvme0n1 is mounted on /data")));
}

TEST_F(Fallbacks, WhatCanBeAssignedIs) {
  tree_.AddDevice({.bdf = "0000:0a:00.0", .driver = "vfio-pci", .group = 16});
  Assign("0000:0a:00.0");
  const Resolved resolved = Resolve();
  EXPECT_THAT(resolved.options.assign, SizeIs(1));
  EXPECT_THAT(resolved.problems, IsEmpty());
  EXPECT_THAT(kernel_.open_files(), IsEmpty());
}

TEST_F(Fallbacks, WithoutRightsToTheNodeTheDeviceIsOutOfReach) {
  tree_.AddDevice({.bdf = "0000:0a:00.0", .driver = "vfio-pci", .group = 16});
  kernel_.FailOpen("/dev/iommu", ENOENT);
  kernel_.FailOpen("/dev/vfio/16", EACCES);
  Assign("0000:0a:00.0");
  const Resolved resolved = Resolve();
  ASSERT_THAT(resolved.problems, SizeIs(1));
  EXPECT_EQ(resolved.problems[0].code(), Code::kDenied);
  EXPECT_THAT(resolved.problems[0].message(), HasSubstr("on vfio-pci it has no block device"));
  EXPECT_THAT(resolved.problems[0].hint(), HasSubstr("vassign restore 0000:0a:00.0"));
}

TEST_F(Fallbacks, AVirtualFunctionWithoutAnInterfaceTakesItsPhysicalOnes) {
  tree_.AddDevice(
      {.bdf = "0000:09:10.0", .class_code = 0x020000, .group = 17, .physfn = "0000:09:00.0"});
  Assign("0000:09:10.0");
  const Resolved resolved = Resolve();
  ASSERT_THAT(resolved.options.nets, SizeIs(1));
  EXPECT_EQ(std::get<virtio::MacvtapLink>(resolved.options.nets[0].link).lower, "eth1");
  EXPECT_THAT(resolved.options.fallbacks[0].instead, HasSubstr("of the physical function"));
}

TEST_F(Fallbacks, AVirtualFunctionThatIsNotThere) {
  Assign("0000:09:00.0").absent = base::Error(Code::kNotFound, "eth1#3: there is none");
  const Resolved resolved = Resolve();
  EXPECT_THAT(resolved.options.assign, IsEmpty());
  EXPECT_THAT(resolved.options.nets, SizeIs(1));
  EXPECT_EQ(resolved.options.fallbacks[0].why.message(), "eth1#3: there is none");
  tree_.AddLink("/sys/class/net/eth1/master", "../br0");
  const Resolved refused = Resolve();
  EXPECT_THAT(refused.problems, SizeIs(1));
  EXPECT_THAT(refused.options.assign, IsEmpty()) << "it is another device";
}

TEST_F(Fallbacks, AManagedStartAsksWhetherTheDeviceCanBeTaken) {
  options_.managed = true;
  Assign("0000:08:00.0");
  EXPECT_THAT(Resolve().options.assign, SizeIs(1));
  sources_.can_take = [](const AssignRequest&) -> base::Status {
    return base::Fail(Code::kUnfit, "group 14 is not viable");
  };
  const Resolved resolved = Resolve();
  EXPECT_THAT(resolved.options.disks, SizeIs(1));
  EXPECT_EQ(resolved.options.fallbacks[0].why.message(), "group 14 is not viable");
  sources_.can_take = [](const AssignRequest&) -> base::Status {
    return base::Fail(Code::kUsage, "nonsense");
  };
  EXPECT_THAT(Resolve().options.fallbacks, IsEmpty());
}

TEST_F(Fallbacks, WhatIsWrittenTwiceIsLeftToTheStart) {
  Assign("0000:08:00.0");
  Assign("0000:08:00.0");
  const Resolved resolved = Resolve();
  EXPECT_THAT(resolved.options.assign, SizeIs(2));
  EXPECT_THAT(resolved.options.disks, IsEmpty());
}

}  // namespace
}  // namespace vmm
