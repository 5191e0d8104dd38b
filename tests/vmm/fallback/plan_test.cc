#include "vmm/fallback/plan.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using sysfs::Evidence;
using sysfs::UseKind;
using test::FailsWith;
using testing::AllOf;
using testing::HasSubstr;

const base::Error kWhy =
    base::Error(Code::kUnfit, "0000:08:00.0: has no IOMMU group").WithHint("boot with it");

AssignRequest Request(std::string node = "") {
  AssignRequest request;
  request.host = {0, 8, 0, 0};
  request.id = "data";
  request.fallback = FallbackWish{std::move(node)};
  return request;
}

FallbackFacts Drive() {
  FallbackFacts facts;
  facts.device.address = {0, 8, 0, 0};
  facts.device.class_code = 0x010802;
  facts.device.driver = "nvme";
  facts.disks = {"nvme0n1"};
  facts.serial = "a serial number that is long";
  return facts;
}

FallbackFacts Card() {
  FallbackFacts facts;
  facts.device.address = {0, 8, 0, 0};
  facts.device.class_code = 0x020000;
  facts.device.driver = "igb";
  facts.interfaces = {{"eth1", 1500, true, false, ""}};
  return facts;
}

Evidence Mounted(const std::string& disk) {
  Evidence piece;
  piece.kind = UseKind::kMount;
  piece.path = {"0000:08:00.0", disk, disk + "p1", "mounted on /data"};
  piece.detail = disk + "p1 is mounted on /data";
  piece.cure = "umount /data";
  return piece;
}

TEST(AllowsFallback, WhatTheDeviceOrTheHostIsTheReasonFor) {
  for (const Code code : {Code::kUnfit, Code::kInUse, Code::kDenied, Code::kUnsupported})
    EXPECT_TRUE(AllowsFallback(code));
  for (const Code code : {Code::kInternal, Code::kUsage, Code::kNotFound, Code::kKernel,
                          Code::kTimedOut, Code::kLocked, Code::kPartial, Code::kDiffers})
    EXPECT_FALSE(AllowsFallback(code));
}

TEST(PlanFallback, ADriveIsServedFromItsBlockDevice) {
  const auto plan = PlanFallback(Request(), kWhy, Drive());
  ASSERT_TRUE(plan);
  const auto& disk = std::get<virtio::BlkOptions>(plan->device);
  EXPECT_EQ(disk.image.file, "/dev/nvme0n1");
  EXPECT_FALSE(disk.image.readonly);
  EXPECT_TRUE(disk.image.raw);
  EXPECT_EQ(disk.serial, "a serial number that");
  EXPECT_EQ(plan->fallback.id, "data");
  EXPECT_EQ(FallbackText(plan->fallback),
            "0000:08:00.0: not assigned: has no IOMMU group (cure: boot with it); "
            "virtio-blk on /dev/nvme0n1 serves instead: all I/O goes through the host's driver "
            "nvme");
}

TEST(PlanFallback, WhatTheHostNeedsIsRefusedWithBothReasons) {
  FallbackFacts facts = Drive();
  facts.evidence = {Mounted("nvme0n1")};
  const auto plan = PlanFallback(Request(), kWhy, facts);
  ASSERT_THAT(plan, FailsWith(Code::kInUse, AllOf(HasSubstr("has no IOMMU group"),
                                                  HasSubstr("nvme0n1p1 is mounted on /data"))));
  EXPECT_EQ(plan.error().hint(), "umount /data");
  EXPECT_EQ(plan.error().uses().size(), 1u);
}

TEST(PlanFallback, NothingOverridesAUse) {
  for (const UseKind kind : {UseKind::kSwap, UseKind::kHolder, UseKind::kClaim, UseKind::kOpen,
                             UseKind::kFunctions, UseKind::kForeign}) {
    FallbackFacts facts = Drive();
    facts.evidence = {{kind, {"0000:08:00.0"}, "it is in use", {}, "end it", true}};
    EXPECT_THAT(PlanFallback(Request(), kWhy, facts), FailsWith(Code::kInUse, HasSubstr("in use")));
  }
}

TEST(PlanFallback, WhatIsOnlyWorthKnowingDoesNotRefuse) {
  FallbackFacts facts = Drive();
  facts.evidence = {Mounted("nvme0n1")};
  facts.evidence.front().refuses = false;
  EXPECT_TRUE(PlanFallback(Request(), kWhy, facts));
}

TEST(PlanFallback, OfSeveralDisksOneIsNamed) {
  FallbackFacts facts = Drive();
  facts.disks = {"nvme0n1", "nvme0n2"};
  facts.evidence = {Mounted("nvme0n1")};
  EXPECT_THAT(PlanFallback(Request(), kWhy, facts),
              FailsWith(Code::kUnfit, HasSubstr("several disks: nvme0n1, nvme0n2")));
  EXPECT_THAT(PlanFallback(Request("sda"), kWhy, facts),
              FailsWith(Code::kUnfit, HasSubstr("sda is none of its disks")));
  EXPECT_THAT(PlanFallback(Request("nvme0n1"), kWhy, facts),
              FailsWith(Code::kInUse, HasSubstr("mounted")));
  const auto plan = PlanFallback(Request("nvme0n2"), kWhy, facts);
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<virtio::BlkOptions>(plan->device).image.file, "/dev/nvme0n2");
}

TEST(PlanFallback, AUseOfTheWholeDriveCountsForEachDisk) {
  FallbackFacts facts = Drive();
  facts.disks = {"nvme0n1", "nvme0n2"};
  facts.evidence = {
      {UseKind::kOpen, {"0000:08:00.0", "nvme0", "pid 7"}, "pid 7 has it", {}, "", true}};
  EXPECT_THAT(PlanFallback(Request("nvme0n2"), kWhy, facts),
              FailsWith(Code::kInUse, HasSubstr("pid 7")));
}

TEST(PlanFallback, WithoutADriverOfTheHostTheCommandIsNamed) {
  FallbackFacts facts = Drive();
  facts.disks.clear();
  facts.device.driver = "vfio-pci";
  facts.taken = true;
  const auto taken = PlanFallback(Request(), kWhy, facts);
  ASSERT_THAT(taken, FailsWith(Code::kUnfit, HasSubstr("on vfio-pci it has no block device")));
  EXPECT_THAT(taken.error().hint(), HasSubstr("vassign restore 0000:08:00.0"));
  facts.taken = false;
  facts.device.driver.reset();
  const auto unbound = PlanFallback(Request(), kWhy, facts);
  ASSERT_THAT(unbound, FailsWith(Code::kUnfit, HasSubstr("no driver")));
  EXPECT_THAT(unbound.error().hint(), HasSubstr("drivers_probe"));
}

TEST(PlanFallback, ACardIsServedByAMacvtapAndTheHostKeepsItsUse) {
  FallbackFacts facts = Card();
  facts.evidence = {{UseKind::kRoute, {"0000:08:00.0", "eth1"}, "a default route", {}, "", true},
                    {UseKind::kAddress, {"0000:08:00.0", "eth1"}, "an address", {}, "", true}};
  const auto plan = PlanFallback(Request(), kWhy, facts);
  ASSERT_TRUE(plan);
  const auto& net = std::get<virtio::NetOptions>(plan->device);
  EXPECT_EQ(std::get<virtio::MacvtapLink>(net.link).lower, "eth1");
  EXPECT_FALSE(net.mtu);
  EXPECT_THAT(FallbackText(plan->fallback),
              HasSubstr("host and guest cannot talk to each other over eth1"));
}

TEST(PlanFallback, TheGuestIsToldOfTheInterfacesMtuAndTheUserOfItsState) {
  FallbackFacts facts = Card();
  facts.interfaces = {{"eth1", 9000, false, false, ""}};
  const auto plan = PlanFallback(Request(), kWhy, facts);
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<virtio::NetOptions>(plan->device).mtu, 9000);
  EXPECT_THAT(plan->fallback.means, HasSubstr("ip link set eth1 up"));
}

TEST(PlanFallback, AnInterfaceThatAnotherOneHasIsRefused) {
  FallbackFacts facts = Card();
  facts.interfaces.front().master = "br0";
  EXPECT_THAT(PlanFallback(Request(), kWhy, facts),
              FailsWith(Code::kInUse, HasSubstr("eth1 belongs to br0")));
  facts = Card();
  facts.interfaces.front().wireless = true;
  EXPECT_THAT(PlanFallback(Request(), kWhy, facts), FailsWith(Code::kUnfit, HasSubstr("wireless")));
  facts = Card();
  facts.evidence = {{UseKind::kForeign,
                     {"0000:08:00.0"},
                     "libvirt's running domain web has it",
                     {},
                     "virsh shutdown web",
                     true}};
  EXPECT_THAT(PlanFallback(Request(), kWhy, facts), FailsWith(Code::kInUse, HasSubstr("libvirt")));
}

TEST(PlanFallback, OtherDevicesHaveNone) {
  FallbackFacts facts = Drive();
  facts.device.class_code = 0x030000;
  EXPECT_THAT(PlanFallback(Request(), kWhy, facts),
              FailsWith(Code::kUnfit, HasSubstr("neither a drive nor a network card")));
}

}  // namespace
}  // namespace vmm
