#include "cli/devices/watch_command.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <deque>
#include <nlohmann/json.hpp>
#include <sstream>
#include <streambuf>

#include "sysfs/base/text.h"
#include "tests/cli/vassign_run.h"

namespace cli {
namespace {

using sysfs::DeviceEvent;
using sysfs::PciAddress;
using testing::ElementsAre;
using testing::HasSubstr;

// An output whose every write fails.
class BrokenOutput final : public std::streambuf {
 public:
  explicit BrokenOutput(int err) : err_(err) {}

 protected:
  int_type overflow(int_type /*byte*/) override {
    errno = err_;
    return traits_type::eof();
  }

 private:
  int err_;
};

const std::string kDrive = "/sys/bus/pci/devices/0000:08:00.0";

// Each step changes the host and says what woke the watcher up; after the last one it stops.
class Watch : public testing::Test {
 protected:
  struct Step {
    std::function<void(test::FakeTree&)> change;
    Wake wake;
  };

  Watch() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    tree_ = dynamic_cast<test::FakeTree*>(vassign_.context().tree.get());
    vassign_.context().watch_source = [this]() -> base::Result<WatchSource> {
      return WatchSource{[this] { return Next(); },
                         [] { return std::chrono::system_clock::time_point(); }};
    };
  }
  base::Result<Wake> Next() {
    if (steps_.empty()) return Wake{true, false, {}};
    const Step step = steps_.front();
    steps_.pop_front();
    step.change(*tree_);
    return step.wake;
  }
  static Wake Event(const std::string& action, PciAddress address) {
    return {false, false, {{action, "pci", address.ToString(), "", address}}};
  }
  static Wake Interval() { return {false, true, {}}; }
  static void Bind(test::FakeTree& tree, const std::string& driver) {
    tree.AddFile(kDrive + "/uevent",
                 "DRIVER=" + driver +
                     "\nPCI_CLASS=10802\nPCI_ID=1B36:0010\n"
                     "PCI_SUBSYS_ID=1AF4:1100\n"
                     "MODALIAS=pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02\n");
  }
  // Without the time.
  static std::vector<std::string> Lines(const std::string& out) {
    std::vector<std::string> lines;
    for (const auto line : base::Split(out, '\n')) {
      if (!line.empty()) lines.emplace_back(line.substr(std::string_view("00:00:00  ").size()));
    }
    return lines;
  }

  test::VassignRun vassign_;
  test::FakeTree* tree_ = nullptr;
  std::deque<Step> steps_;
};

TEST_F(Watch, WrongOptionsAreUsageErrors) {
  EXPECT_EQ(vassign_({"watch", "--interval", "0"}).status, 2);
  EXPECT_EQ(vassign_({"watch", "--class", "nett"}).status, 2);
  EXPECT_EQ(vassign_({"watch", "--free"}).status, 2);
  EXPECT_EQ(vassign_({"watch", "net:absent"}).status, 3);
}

TEST_F(Watch, FirstSaysNothing) {
  const auto outcome = vassign_({"watch"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(Watch, InitialStateWhenAsked) {
  const auto outcome = vassign_({"watch", "--initial", "--class", "nvme", "--group", "14"});
  EXPECT_THAT(Lines(outcome.out),
              ElementsAre("0000:08:00.0  present    Red Hat, Inc. QEMU NVM Express Controller, "
                          "driver nvme, group 14"));
}

TEST_F(Watch, EventsAreLookedAtAtOnce) {
  steps_.push_back(
      {[](test::FakeTree& tree) { Bind(tree, "vfio-pci"); }, Event("bind", {0, 8, 0, 0})});
  steps_.push_back(
      {[](test::FakeTree& tree) { tree.Remove(kDrive); }, Event("remove", {0, 8, 0, 0})});
  EXPECT_THAT(Lines(vassign_({"watch"}).out),
              ElementsAre("0000:08:00.0  unbound    nvme", "0000:08:00.0  bound      vfio-pci",
                          "0000:08:00.0  removed    Red Hat, Inc. QEMU NVM Express Controller"));
}

TEST_F(Watch, ADeviceThatComesBackWasGone) {
  steps_.push_back({[](test::FakeTree&) {}, Event("remove", {0, 8, 0, 0})});
  EXPECT_EQ(Lines(vassign_({"watch"}).out).size(), 2u);
}

TEST_F(Watch, TheIntervalFindsWhatIsNotAnnounced) {
  steps_.push_back({[](test::FakeTree& tree) {
                      tree.AddFile(kDrive + "/driver_override", "vfio-pci\n");
                      tree.AddFile(kDrive + "/sriov_numvfs", "2\n");
                      tree.AddFile("/proc/77/comm", "vmm\n");
                      tree.AddLink("/proc/77/fd/3", "/dev/vfio/17");
                      tree.AddDirectory("/proc/1/fd");
                    },
                    Interval()});
  steps_.push_back({[](test::FakeTree& tree) { tree.Remove("/proc/77"); }, Interval()});
  tree_->AddDirectory("/proc/1/fd");
  EXPECT_THAT(
      Lines(vassign_({"watch"}).out),
      ElementsAre("0000:00:10.0  owner      none -> vmm (pid 77)",
                  "0000:08:00.0  override   none -> vfio-pci", "0000:08:00.0  functions  0 -> 2",
                  "0000:00:10.0  owner      vmm (pid 77) -> none"));
}

TEST_F(Watch, AnEventOfAVirtualFunctionIsAlsoOneOfItsPhysicalOne) {
  steps_.push_back({[](test::FakeTree& tree) {
                      tree.Remove("/sys/bus/pci/devices/0000:03:10.2");
                      tree.AddFile("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "1\n");
                    },
                    Event("remove", {0, 3, 0x10, 2})});
  EXPECT_THAT(Lines(vassign_({"watch"}).out),
              ElementsAre("0000:03:10.2  removed    Intel Corporation 82576 Virtual Function",
                          "0000:03:00.0  functions  2 -> 1"));
}

TEST_F(Watch, FiltersCountBeforeAndAfter) {
  const auto steps = [this] {
    steps_ = {{[](test::FakeTree& tree) { Bind(tree, "vfio-pci"); }, Event("bind", {0, 8, 0, 0})},
              {[](test::FakeTree& tree) { Bind(tree, "nvme"); }, Event("bind", {0, 8, 0, 0})}};
  };
  steps();
  EXPECT_EQ(Lines(vassign_({"watch", "--driver", "vfio-pci"}).out).size(), 4u);
  steps();
  EXPECT_EQ(vassign_({"watch", "--class", "net"}).out, "");
  steps();
  EXPECT_EQ(vassign_({"watch", "09:00.0"}).out, "");
  steps();
  EXPECT_EQ(Lines(vassign_({"watch", "08:00.0"}).out).size(), 4u);
}

TEST_F(Watch, AnEmptyAddressMayBeWaitedFor) {
  steps_.push_back({[](test::FakeTree& tree) {
                      tree.AddDevice({.bdf = "0000:77:00.0"});
                      tree.AddDevice({.bdf = "0000:78:00.0"});
                    },
                    Interval()});
  EXPECT_THAT(Lines(vassign_({"watch", "77:00.0"}).out),
              ElementsAre(HasSubstr("0000:77:00.0  added")));
}

TEST_F(Watch, JsonIsALineAChange) {
  steps_.push_back(
      {[](test::FakeTree& tree) { Bind(tree, "vfio-pci"); }, Event("bind", {0, 8, 0, 0})});
  const auto outcome = vassign_({"watch", "--json"});
  vassign_.context().json = false;
  std::vector<std::string> changes;
  for (const auto line : base::Split(base::Trim(outcome.out), '\n'))
    changes.push_back(nlohmann::json::parse(line)["change"]);
  EXPECT_THAT(changes, ElementsAre("unbound", "bound"));
}

int StatusOfWatchWith(int err) {
  BrokenOutput buffer(err);
  std::ostream out(&buffer);
  std::ostringstream messages;
  Context context(test::LoadHost("host.txt"), out, messages);
  context.watch_source = []() -> base::Result<WatchSource> {
    return WatchSource{[]() -> base::Result<Wake> {
                         return Wake{true, false, {}};
                       },
                       std::chrono::system_clock::now};
  };
  const char* const words[] = {"vassign", "watch", "--initial", nullptr};
  return RunVassign(3, words, context);
}

TEST(WatchOutput, AReaderThatLeavesIsNoErrorAFullDiskIs) {
  EXPECT_EQ(StatusOfWatchWith(EPIPE), 0);
  EXPECT_EQ(StatusOfWatchWith(ENOSPC), 7);
}

}  // namespace
}  // namespace cli
