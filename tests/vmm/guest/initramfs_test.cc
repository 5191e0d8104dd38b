#include "vmm/guest/initramfs.h"

#include <gmock/gmock.h>

#include "tests/support/command.h"

namespace vmm::guest {
namespace {

std::vector<std::byte> BytesOf(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

InitramfsContent Content() {
  InitramfsContent content;
  content.programs = {{"/bin/busybox", BytesOf("program")}};
  content.modules.modules = {{"core", BytesOf("1")}, {"nvme", BytesOf("2")}};
  content.modules.driven = {"pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02"};
  content.console = "hvc0";
  content.command = "echo $x; exit 3";
  content.extra = {{"/data/file", BytesOf("extra"), 0600}};
  return content;
}

TEST(BuildInitramfs, MakesTheSameBytesTwice) {
  EXPECT_EQ(BuildInitramfs(Content()), BuildInitramfs(Content()));
}

class Unpacked : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::HasTool("cpio")) GTEST_SKIP() << "cpio is not installed";
  }
  void Unpack(const InitramfsContent& content) {
    folder_.Write("archive", BuildInitramfs(content));
    const auto outcome = folder_.Run("cpio --quiet -id -f dev/console < archive");
    ASSERT_EQ(outcome.status, 0) << outcome.output;
  }
  test::TemporaryFolder folder_;
};

TEST_F(Unpacked, HoldsWhatTheFirstProgramReads) {
  Unpack(Content());
  EXPECT_EQ(folder_.Read("modules/order"), "000-core.ko\n001-nvme.ko\n");
  EXPECT_EQ(folder_.Read("modules/001-nvme.ko"), "2");
  EXPECT_EQ(folder_.Read("vassign/devices"), "pci:v0000144Dd0000A808\n");
  EXPECT_EQ(folder_.Read("vassign/command"), "echo $x; exit 3\n");
  EXPECT_EQ(folder_.Read("vassign/console"), "hvc0\n");
  EXPECT_EQ(folder_.Read("bin/busybox"), "program");
  EXPECT_EQ(folder_.Read("data/file"), "extra");
  EXPECT_EQ(folder_.Run("test -x init && test -d proc -a -d sys -a -d dev -a -d run").status, 0);
}

TEST_F(Unpacked, HasNoCommandForAShell) {
  InitramfsContent content = Content();
  content.command.reset();
  content.console.clear();
  Unpack(content);
  EXPECT_EQ(folder_.Run("test -e vassign/console").status, 1);
  EXPECT_EQ(folder_.Run("test -e vassign/command").status, 1);
}

}  // namespace
}  // namespace vmm::guest
