#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::IsEmpty;

class ConsoleUse : public testing::Test {
 protected:
  ConsoleUse() { tree_.AddDevice({.class_code = 0x0c0330}); }
  void AddInput(const std::string& keys) {
    const std::string place = std::string(kPlace) + "/usb1/1-2/1-2:1.0/input/input5";
    tree_.AddFile(place + "/name", "Plain Keyboard\n");
    tree_.AddFile(place + "/capabilities/key", keys + "\n");
    tree_.AddLink("/sys/class/input/input5", place);
  }
  std::vector<Evidence> Find() const { return RunFinder(FindConsoleUse, tree_); }

  test::FakeTree tree_;
};

TEST_F(ConsoleUse, IdleControllerIsFree) { EXPECT_THAT(Find(), IsEmpty()); }

TEST_F(ConsoleUse, SerialConsoleOnAPciPort) {
  tree_.AddLink("/sys/class/tty/ttyS4", std::string(kPlace) + "/tty/ttyS4");
  tree_.AddLink("/sys/class/tty/ttyS0", "../../devices/platform/serial8250/tty/ttyS0");
  tree_.AddFile("/proc/consoles", "tty0  -WU (EC p  )    4:7\nttyS0  -W- (E  p a)    4:64\n");
  EXPECT_THAT(Find(), IsEmpty());
  tree_.AddFile("/proc/consoles", "ttyS4                -W- (EC p a)    4:68\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kConsole), Reason(ForceReason::kConsole),
                                        Path({"ttyS4", "kernel console"}))));
}

// hvc0 hangs on no device.
TEST_F(ConsoleUse, AVirtioConsole) {
  const std::string child = std::string(kPlace) + "/virtio3";
  tree_.AddLink("/sys/bus/virtio/devices/virtio3", child);
  tree_.AddLink(child + "/driver", "/sys/bus/virtio/drivers/virtio_console");
  EXPECT_THAT(Find(), IsEmpty());
  tree_.AddFile("/proc/consoles", "hvc0                 -W- (EC p  )  229:0\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kConsole), Reason(ForceReason::kConsole),
                                        Path({"virtio3", "kernel console"}))));
  tree_.AddLink(child + "/driver", "/sys/bus/virtio/drivers/virtio_net");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(ConsoleUse, OddConsolesAreNone) {
  tree_.AddLink("/sys/class/tty/ttyS4", std::string(kPlace) + "/tty/ttyS4");
  for (const char* text :
       {"", "\n\n", "ttyS4", "ttyS4 -W- (", "ttyS4 )E(", "ttyS4 -W- ( C p a) 4:68"}) {
    tree_.AddFile("/proc/consoles", text);
    EXPECT_THAT(Find(), IsEmpty()) << text;
  }
}

TEST_F(ConsoleUse, Keyboard) {
  AddInput("1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kConsole), Reason(ForceReason::kConsole),
                                        Path({"usb 1-2", "input5", "keyboard (Plain Keyboard)"}))));
}

TEST_F(ConsoleUse, MouseAndPowerButtonAreNoKeyboards) {
  for (const char* keys : {"ff0000 0 0 0 0", "10000000000000 0", "", "x", "fffffffe 0"}) {
    AddInput(keys);
    EXPECT_THAT(Find(), IsEmpty()) << keys;
  }
}

TEST_F(ConsoleUse, ChildrenOfAUsbControllerAreListed) {
  const std::string place = std::string(kPlace) + "/usb1/1-2";
  tree_.AddFile(place + "/product", "Webcam\n");
  tree_.AddLink("/sys/bus/usb/devices/usb1", std::string(kPlace) + "/usb1");
  tree_.AddLink("/sys/bus/usb/devices/1-2", place);
  tree_.AddLink("/sys/bus/usb/devices/1-2:1.0", place + "/1-2:1.0");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kUsb), Warns(), Detail("1-2 (Webcam)"))));
}

}  // namespace
}  // namespace sysfs
