#include "sysfs/assignment/reset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/host_world.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ResetTest : public testing::Test {
 protected:
  ResetTest() {
    tree().AddFile(kPath + "/reset_method", "flr bus");
    tree().AddFile(kPath + "/reset", "");
    tree().AddBytes(kPath + "/config", {std::byte{0x4d}, std::byte{0x14}});
    tree().Answer([](const std::string& path, const std::string&) -> std::optional<int> {
      if (path.ends_with("/reset")) return 0;
      return std::nullopt;
    });
  }
  test::FakeTree& tree() { return world_.tree(); }
  AssignmentHost Host() { return world_.Host(); }

  const std::string kPath = "/sys/bus/pci/devices/0000:08:00.0";
  const PciAddress kDevice = *PciAddress::Parse("0000:08:00.0");
  test::HostWorld world_;
};

TEST_F(ResetTest, IsOneWrite) {
  auto host = Host();
  const auto plan = Reset(host, kDevice, {});
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->methods, ElementsAre("flr", "bus"));
  ASSERT_THAT(tree().writes(), SizeIs(1));
  EXPECT_EQ(tree().writes()[0].path, kPath + "/reset");
  EXPECT_EQ(tree().writes()[0].value, "1");
}

TEST_F(ResetTest, PlanningChangesNothing) {
  EXPECT_THAT(PlanReset(Host(), kDevice, {}), IsOk());
  EXPECT_THAT(tree().writes(), IsEmpty());
}

TEST_F(ResetTest, Refusals) {
  tree().AddDevice({.bdf = "0000:00:1c.0", .class_code = 0x060400});
  EXPECT_THAT(PlanReset(Host(), *PciAddress::Parse("0000:00:1c.0"), {}),
              FailsWith(Code::kUnfit, HasSubstr("is a bridge")));
  EXPECT_THAT(PlanReset(Host(), *PciAddress::Parse("0000:09:00.0"), {}),
              FailsWith(Code::kUnsupported, HasSubstr("no way to reset")));
  tree().AddDevice({.bdf = "0000:03:00.0", .driver = "igb", .group = 3, .totalvfs = 7});
  tree().AddFile("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "2");
  tree().AddFile("/sys/bus/pci/devices/0000:03:00.0/reset", "");
  EXPECT_THAT(PlanReset(Host(), *PciAddress::Parse("0000:03:00.0"), {}),
              FailsWith(Code::kInUse, HasSubstr("2 virtual functions")));
}

TEST_F(ResetTest, ACardThatWasPutInMeanwhileIsLeftAlone) {
  auto host = Host();
  // The look at the use of its interface comes between the plan and the write.
  tree().AddLink("/sys/class/net/eth8", "../../devices/pci0000:08/0000:08:00.0/net/eth8");
  host.sources.addresses = [this] {
    tree().AddDevice({.group = 14, .subsystem_device = 0xbeef});
    return std::vector<HostAddress>();
  };
  EXPECT_THAT(Reset(host, kDevice, {}), FailsWith(Code::kNotFound, HasSubstr("another card")));
  EXPECT_THAT(tree().writes(), IsEmpty());
}

TEST_F(ResetTest, AFailedResetIsTheKernels) {
  tree().FailWritesTo(kPath + "/reset", ENOTTY);
  auto host = Host();
  EXPECT_THAT(Reset(host, kDevice, {}), FailsWith(Code::kKernel, HasSubstr("/reset")));
}

TEST_F(ResetTest, ADeviceThatDoesNotAnswerIsSaid) {
  tree().AddBytes(kPath + "/config", {std::byte{0xff}, std::byte{0xff}});
  auto host = Host();
  EXPECT_THAT(Reset(host, kDevice, {}), FailsWith(Code::kKernel, HasSubstr("does not answer")));
}

}  // namespace
}  // namespace sysfs
