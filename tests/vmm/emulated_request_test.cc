#include "vmm/emulated_request.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

TEST(ParseEmulated, ADiskIsItsFileAndItsSettings) {
  const auto made = ParseEmulated(
      "virtio-blk-pci",
      {{"readonly", "true"}, {"file", "/a,b"}, {"cache", "none"}, {"raw", "false"}}, 4);
  ASSERT_THAT(made, IsOk());
  const auto& disk = std::get<virtio::BlkOptions>(*made);
  EXPECT_EQ(disk.image.file, "/a,b");
  EXPECT_TRUE(disk.image.readonly);
  EXPECT_EQ(disk.image.cache, virtio::CacheMode::kNone);
  EXPECT_EQ(disk.queues, 4u);
  EXPECT_EQ(KindOf(*made).name, "disk");
}

TEST(ParseEmulated, ALinkIsItsTypeAndItsSettings) {
  const auto made =
      ParseEmulated("virtio-net-pci", {{"ifname", "tap0"}, {"type", "tap"}, {"vhost", "true"}}, 1);
  ASSERT_THAT(made, IsOk());
  const auto& net = std::get<virtio::NetOptions>(*made);
  EXPECT_EQ(std::get<virtio::TapLink>(net.link), (virtio::TapLink{"tap0", true}));
  EXPECT_EQ(KindOf(*made).name, "net");
}

TEST(ParseEmulated, AConsoleIsItsFile) {
  const auto made = ParseEmulated("virtio-console-pci", {{"file", "/a,b"}}, 1);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(std::get<ConsoleRequest>(*made), ConsoleRequest{"/a,b"});
  EXPECT_EQ(KindOf(*made).name, "console");
  EXPECT_EQ(KindOf(*made).module, "virtio_console");
}

TEST(QueuesOf, AreAtLeastThoseOfTheDevice) {
  virtio::BlkOptions disk;
  disk.queues = 4;
  EXPECT_EQ(QueuesOf(disk), 4u);
  virtio::NetOptions net;
  net.queues = 2;
  EXPECT_EQ(QueuesOf(net), 5u);
  EXPECT_EQ(QueuesOf(RngOptions{}), 1u);
  EXPECT_EQ(QueuesOf(virtio::BalloonOptions{}), 4u);
  EXPECT_EQ(QueuesOf(ConsoleRequest{}), 2u);
}

TEST(ParseEmulated, WhatIsWrongIsNamed) {
  const auto parse = [](std::string_view driver, const std::vector<EmulatedSetting>& settings) {
    return ParseEmulated(driver, settings, 1);
  };
  EXPECT_THAT(parse("virtio-blk-pci", {}), FailsWith(Code::kUsage, HasSubstr("file= is missing")));
  EXPECT_THAT(parse("virtio-blk-pci", {{"file", ""}}), FailsWith(Code::kUsage, HasSubstr("empty")));
  EXPECT_THAT(parse("virtio-blk-pci", {{"file", "a"}, {"file", "b"}}),
              FailsWith(Code::kUsage, HasSubstr("file=b")));
  EXPECT_THAT(parse("virtio-net-pci", {{"type", "user"}}),
              FailsWith(Code::kUsage, HasSubstr("user")));
  EXPECT_THAT(parse("virtio-rng-pci", {{"file", "a"}}), FailsWith(Code::kUsage, HasSubstr("file")));
  EXPECT_THAT(parse("virtio-console-pci", {}),
              FailsWith(Code::kUsage, HasSubstr("file= is missing")));
  EXPECT_THAT(parse("virtio-console-pci", {{"file", ""}}),
              FailsWith(Code::kUsage, HasSubstr("empty")));
  EXPECT_THAT(parse("virtio-console-pci", {{"file", "a"}, {"size", "80x25"}}),
              FailsWith(Code::kUsage, HasSubstr("size=80x25")));
  EXPECT_THAT(parse("virtio-console-pci", {{"file", "a"}, {"file", "b"}}),
              FailsWith(Code::kUsage, HasSubstr("file=b")));
  EXPECT_THAT(parse("floppy", {}), FailsWith(Code::kUsage, HasSubstr("floppy")));
}

TEST(ParseEmulated, EachDriverIsKnown) {
  for (const std::string_view driver : EmulatedDrivers()) {
    const auto made = ParseEmulated(driver, {{"bogus", "1"}}, 1);
    EXPECT_THAT(made, FailsWith(Code::kUsage, testing::Not(HasSubstr("not a driver")))) << driver;
  }
}

TEST(CheckHotPlug, ARunningMachineConnectsToNobody) {
  virtio::NetOptions net;
  net.link = virtio::SocketLink{"/x", false};
  EXPECT_THAT(CheckHotPlug(EmulatedRequest(net)), FailsWith(Code::kUnfit, HasSubstr("/x")));
  net.link = virtio::SocketLink{"/x", true};
  EXPECT_THAT(CheckHotPlug(EmulatedRequest(net)), IsOk());
  EXPECT_THAT(CheckHotPlug(EmulatedRequest(RngOptions{})), IsOk());
}

}  // namespace
}  // namespace vmm
