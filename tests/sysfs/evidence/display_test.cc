#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::IsEmpty;

class DisplayUse : public testing::Test {
 protected:
  DisplayUse() {
    tree_.AddDriver("bochs-drm");
    tree_.AddDevice({.class_code = 0x030000, .driver = "bochs-drm"});
  }
  void AddFramebuffer(const std::string& name, const std::string& place) {
    tree_.AddDirectory("/sys/devices/" + place + "/graphics/" + name);
    tree_.AddLink("/sys/class/graphics/" + name, "../../devices/" + place + "/graphics/" + name);
  }
  void AddConsole(const std::string& name, const std::string& what, const std::string& bound) {
    tree_.AddFile("/sys/class/vtconsole/" + name + "/name", what + "\n");
    tree_.AddFile("/sys/class/vtconsole/" + name + "/bind", bound + "\n");
  }
  std::vector<Evidence> Find() const { return RunFinder(FindDisplayUse, tree_); }

  test::FakeTree tree_;
};

TEST_F(DisplayUse, SecondCardIsFree) { EXPECT_THAT(Find(), IsEmpty()); }

TEST_F(DisplayUse, BootDisplay) {
  tree_.AddFile(std::string(kPlace) + "/boot_vga", "1\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kDisplay), Path({"boot display"}),
                                        Reason(ForceReason::kConsole))));
  tree_.AddFile(std::string(kPlace) + "/boot_vga", "0\n");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(DisplayUse, BootDisplayWithoutADriverIsInUseWhenTheFirmwareDrawsOnIt) {
  tree_.AddDevice({.class_code = 0x030000});
  tree_.Remove(std::string(kPlace) + "/driver");
  tree_.AddFile(std::string(kPlace) + "/boot_vga", "1\n");
  EXPECT_THAT(Find(), IsEmpty());
  const auto is_console =
      AllOf(Kind(UseKind::kDisplay), Path({"boot display"}), Reason(ForceReason::kConsole));
  AddConsole("vtcon0", "(S) VGA+", "1");
  EXPECT_THAT(Find(), ElementsAre(is_console));
  AddConsole("vtcon0", "(S) VGA+", "0");
  EXPECT_THAT(Find(), IsEmpty());
  AddFramebuffer("fb0", "platform/efi-framebuffer.0");
  EXPECT_THAT(Find(), ElementsAre(is_console));
}

TEST_F(DisplayUse, TextConsoleOnTheFirstFramebuffer) {
  AddFramebuffer("fb0", "pci0000:08/0000:08:00.0");
  AddConsole("vtcon0", "(S) dummy device", "1");
  AddConsole("vtcon1", "(M) frame buffer device", "1");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kConsole), Reason(ForceReason::kConsole),
                                        Path({"fb0", "text console (vtcon1)"}),
                                        Cure("echo 0 > /sys/class/vtconsole/vtcon1/bind"))));
  AddConsole("vtcon1", "(M) frame buffer device", "0");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(DisplayUse, TextConsoleOfAnotherCard) {
  AddConsole("vtcon1", "(M) frame buffer device", "1");
  AddFramebuffer("fb2", "pci0000:00/0000:00:02.0");
  AddFramebuffer("fb10", "pci0000:08/0000:08:00.0");
  tree_.AddDirectory("/sys/class/graphics/fbcon");
  EXPECT_THAT(Find(), IsEmpty());
}

// As a kernel of 6.1 shows a card whose console is drawn by efifb (a range within a BAR).
TEST_F(DisplayUse, FirmwareFramebufferInABar) {
  tree_.AddFile(std::string(kPlace) + "/resource",
                "0x00000000d0000000 0x00000000dfffffff 0x000000000014220c\n"
                "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
                "0x00000000e1000000 0x00000000e100ffff 0x0000000000040200\n");
  const auto iomem = [&](const std::string& lines) {
    tree_.AddFile("/proc/iomem",
                  "d0000000-e1ffffff : PCI Bus 0000:08\n"
                  "  d0000000-dfffffff : 0000:08:00.0\n" +
                      lines);
  };
  iomem("    d0000000-d02fffff : BOOTFB\n      d0000000-d02fffff : simpledrm\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kDisplay), Reason(ForceReason::kConsole),
                                        Path({"firmware display (simpledrm)"}),
                                        Cure("initcall_blacklist=sysfb_init"))));
  iomem("    d0000000-d02fffff : efifb\n");
  EXPECT_THAT(Find(), ElementsAre(Path({"firmware display (efifb)"})));
  iomem("    d0000000-d02fffff : simple-framebuffer.0\n");
  EXPECT_THAT(Find(), ElementsAre(Path({"firmware display (simple-framebuffer.0)"})));
  // The card's own driver has taken over.
  iomem("    d0000000-d02fffff : bochs-drm\n");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(DisplayUse, FirmwareFramebufferOfAnotherCard) {
  tree_.AddFile(std::string(kPlace) + "/resource",
                "0x00000000d0000000 0x00000000dfffffff 0x000000000014220c\n");
  for (const char* line :
       {"c0000000-c02fffff : efifb", "dfffff00-e0000fff : efifb", "00000000-00000000 : efifb",
        "d0000000 : efifb", "x-y : efifb", "d0000000-d02fffff", " : ", ""}) {
    tree_.AddFile("/proc/iomem", line);
    EXPECT_THAT(Find(), IsEmpty()) << line;
  }
}

TEST_F(DisplayUse, ConnectedOutputIsWorthKnowing) {
  const std::string output = std::string(kPlace) + "/drm/card0/card0-DP-1";
  tree_.AddLink("/sys/class/drm/card0-DP-1", output);
  tree_.AddFile(output + "/status", "disconnected\n");
  EXPECT_THAT(Find(), IsEmpty());
  tree_.AddFile(output + "/status", "connected\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Path({"card0-DP-1", "connected output"}), Warns())));
}

}  // namespace
}  // namespace sysfs
