#include <fmt/format.h>

#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::IsEmpty;

class NodeUse : public testing::Test {
 protected:
  NodeUse() { tree_.AddDevice({}); }

  void AddNode(const std::string& number, const std::string& place, const std::string& node) {
    tree_.AddFile(fmt::format("{}/{}/uevent", kPlace, place),
                  fmt::format("MAJOR=1\nMINOR=2\nDEVNAME={}\n", node));
    tree_.AddLink("/sys/dev/char/" + number, fmt::format("{}/{}", kPlace, place));
  }
  void Open(const std::string& node) { tree_.AddLink("/proc/90/fd/3", "/dev/" + node); }
  std::vector<Evidence> Find() const { return RunFinder(FindNodeUse, tree_); }

  test::FakeTree tree_;
};

TEST_F(NodeUse, NodeThatNobodyHoldsIsFree) {
  AddNode("226:0", "drm/card0", "dri/card0");
  Open("dri/card1");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(NodeUse, DrmClient) {
  AddNode("226:128", "drm/renderD128", "dri/renderD128");
  Open("dri/renderD128");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kDisplay), Reason(ForceReason::kConsole),
                                        Path({"/dev/dri/renderD128", "pid 90 (?)"}))));
}

TEST_F(NodeUse, RdmaAndClockOfACard) {
  AddNode("231:192", "infiniband_verbs/uverbs0", "infiniband/uverbs0");
  Open("infiniband/uverbs0");
  EXPECT_THAT(Find(), ElementsAre(Reason(ForceReason::kNetdev)));
  AddNode("250:0", "ptp/ptp0", "ptp0");
  Open("ptp0");
  EXPECT_THAT(Find(), ElementsAre(Reason(ForceReason::kNetdev)));
}

TEST_F(NodeUse, SoundStreamIsAUseAndTheMixerIsNot) {
  AddNode("116:2", "sound/card0/pcmC0D0p", "snd/pcmC0D0p");
  AddNode("116:3", "sound/card0/controlC0", "snd/controlC0");
  Open("snd/controlC0");
  EXPECT_THAT(Find(), IsEmpty());
  Open("snd/pcmC0D0p");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kOpen), Reason(ForceReason::kAssigned))));
}

TEST_F(NodeUse, DeviceOfAUsbControllerIsNamed) {
  AddNode("189:1", "usb1/1-2", "bus/usb/001/002");
  Open("bus/usb/001/002");
  EXPECT_THAT(Find(), ElementsAre(Path({"usb 1-2", "/dev/bus/usb/001/002", "pid 90 (?)"})));
}

TEST_F(NodeUse, VfioIsNotSaidTwice) {
  AddNode("510:0", "vfio-dev/vfio0", "vfio/devices/vfio0");
  Open("vfio/devices/vfio0");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(NodeUse, NvidiaNodesAreNotInSysfs) {
  tree_.AddFile("/proc/driver/nvidia/gpus/0000:08:00.0/information",
                "Model: \t\t Card\nDevice Minor: \t 3\n");
  Open("nvidia3");
  EXPECT_THAT(Find(), ElementsAre(Path({"/dev/nvidia3", "pid 90 (?)"})));
  tree_.AddFile("/proc/driver/nvidia/gpus/0000:08:00.0/information", "Device Minor: x\n");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(NodeUse, NumberWithoutANodeIsNone) {
  tree_.AddDirectory(std::string(kPlace) + "/odd");
  tree_.AddLink("/sys/dev/char/1:1", std::string(kPlace) + "/odd");
  tree_.AddLink("/proc/90/fd/3", "/dev/");
  EXPECT_THAT(Find(), IsEmpty());
}

}  // namespace
}  // namespace sysfs
