// Two causes at once that refuse a bind: both are told, or the one that is looked at first, and
// nothing is written. The word that overrides one of them leaves the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/assignment/assignment.h"
#include "tests/support/host_world.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FakeDevice;
using test::FakeTree;
using test::IsOk;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const PciAddress kCard{0, 10, 0, 0};
const std::string kPlace = "/sys/devices/pci0000:0a/0000:0a:00.0";

// A display card and what its host tells of itself.
struct Host {
  test::HostWorld world;
  FakeDevice card = {.bdf = "0000:0a:00.0",
                     .vendor = 0x1234,
                     .device = 0x1111,
                     .class_code = 0x030000,
                     .driver = "bochs-drm",
                     .group = 30,
                     .totalvfs = 4};
  std::vector<HostAddress> addresses = {};
  std::vector<HostRoute> routes = {};
  std::string session_interface = {};
  bool is_remapping = true;

  FakeTree& tree() { return world.tree(); }

  AssignmentHost Assignment() {
    AssignmentHost host = world.Host();
    host.sources.addresses = [this] { return addresses; };
    host.sources.routes = [this] { return routes; };
    host.sources.pid = 50;
    host.sources.route_to = [this](const std::string&) { return session_interface; };
    host.obstacles = [this](const PciDevice&, bool) {
      if (is_remapping) return base::Status();
      return base::Status(base::Fail(Code::kUnfit, "interrupts are not remapped"));
    };
    return host;
  }

  void AddBelow(const std::string& kind, const std::string& name) {
    const std::string path = kPlace + "/" + kind + "/" + name;
    tree().AddDirectory(path);
    tree().AddLink("/sys/class/" + kind + "/" + name, path);
  }
  void AddDisk(const std::string& name, const std::string& number) {
    AddBelow("block", name);
    tree().AddFile("/sys/class/block/" + name + "/dev", number + "\n");
  }
  void AddHolder(const std::string& pid, const std::string& node) {
    tree().AddFile("/proc/" + pid + "/comm", "user" + pid + "\n");
    tree().AddLink("/proc/" + pid + "/fd/9", node);
  }
};

// In the order in which they are looked at; those of one step are told together.
enum class Step : uint8_t { kBridge, kIommu, kGroup, kHost, kUse, kReset };

struct Cause {
  Step step;
  const char* told;
  std::optional<ForceReason> word;  // that overrides it when a device is taken
  void (*add)(Host& host);          // after the card
  void (*describe)(FakeDevice& card) = nullptr;
};

const std::vector<Cause> kCauses = {
    {Step::kBridge, "is a bridge", std::nullopt, nullptr,
     [](FakeDevice& card) { card.class_code = 0x060400; }},
    {Step::kIommu, "has no IOMMU group", std::nullopt, nullptr,
     [](FakeDevice& card) { card.group.reset(); }},
    {Step::kGroup, "0000:0a:00.1 (igb)", ForceReason::kGroup,
     [](Host& host) {
       host.tree().AddDevice(
           {.bdf = "0000:0a:00.1", .class_code = 0xff0000, .driver = "igb", .group = 30});
     }},
    {Step::kHost, "interrupts are not remapped", std::nullopt,
     [](Host& host) { host.is_remapping = false; }},
    {Step::kUse, "sda is mounted on /data", ForceReason::kMounted,
     [](Host& host) {
       host.AddDisk("sda", "8:0");
       host.tree().AddFile("/proc/self/mountinfo", "36 35 8:0 / /data rw - ext4 /dev/sda rw\n");
     }},
    {Step::kUse, "sdb is swap", ForceReason::kMounted,
     [](Host& host) {
       host.AddDisk("sdb", "8:16");
       host.tree().AddFile("/proc/swaps", "Filename Type\n/dev/sdb partition 1 0 -2\n");
     }},
    {Step::kUse, "eth0 is up with the address 192.0.2.1/24", ForceReason::kNetdev,
     [](Host& host) {
       host.AddBelow("net", "eth0");
       host.addresses = {{"eth0", "192.0.2.1", false, 24}};
     }},
    {Step::kUse, "eth1 carries a default route", ForceReason::kNetdev,
     [](Host& host) {
       host.AddBelow("net", "eth1");
       host.routes = {{"eth1", "default", 254}};
     }},
    {Step::kUse, "bond0 is stacked on eth2", ForceReason::kNetdev,
     [](Host& host) {
       host.AddBelow("net", "eth2");
       host.tree().AddLink(kPlace + "/net/eth2/upper_bond0", "bond0");
       host.tree().AddDirectory("/sys/class/net/bond0");
     }},
    {Step::kUse, "the SSH session of this command goes through eth3", ForceReason::kSsh,
     [](Host& host) {
       host.AddBelow("net", "eth3");
       host.tree().AddFile("/proc/50/environ", "SSH_CONNECTION=198.51.100.9 5000 192.0.2.7 22");
       host.session_interface = "eth3";
     }},
    {Step::kUse, "the display that the host booted on", ForceReason::kConsole,
     [](Host& host) { host.tree().AddFile(kPlace + "/boot_vga", "1\n"); }},
    {Step::kUse, "the kernel writes its messages to ttyS4", ForceReason::kConsole,
     [](Host& host) {
       host.AddBelow("tty", "ttyS4");
       host.tree().AddFile("/proc/consoles", "ttyS4   -W- (EC p a)    4:68\n");
     }},
    {Step::kUse, "driverctl manages it", ForceReason::kForeign,
     [](Host& host) { host.tree().AddFile("/etc/driverctl.d/pci-0000:0a:00.0", "x\n"); }},
    {Step::kUse, "libvirt's running domain lab has it", ForceReason::kForeign,
     [](Host& host) {
       host.tree().AddFile("/run/libvirt/qemu/lab.xml",
                           "<source><address bus='0x0a' slot='0x00' function='0x0'/></source>");
     }},
    {Step::kUse, "pid 77 (user77) has /dev/vfio/30 open", std::nullopt,
     [](Host& host) {
       host.tree().AddDevice(
           {.bdf = "0000:0a:00.2", .class_code = 0xff0000, .driver = "vfio-pci", .group = 30});
       host.AddHolder("77", "/dev/vfio/30");
     }},
    {Step::kUse, "pid 78 (user78) has /dev/lab0 open", std::nullopt,
     [](Host& host) {
       host.tree().AddFile(kPlace + "/lab/lab0/uevent", "DEVNAME=lab0\n");
       host.tree().AddLink("/sys/dev/char/240:0", kPlace + "/lab/lab0");
       host.AddHolder("78", "/dev/lab0");
     }},
    {Step::kUse, "1 virtual function is enabled on it", std::nullopt,
     [](Host& host) { host.tree().AddDevice({.bdf = "0000:0a:00.3", .physfn = "0000:0a:00.0"}); }},
    {Step::kUse, "the mediated device 83b8f4f2 (T1) lives on it", std::nullopt,
     [](Host& host) {
       host.tree().AddLink("/sys/class/mdev_bus/0000:0a:00.0", kPlace);
       host.tree().AddDirectory(kPlace + "/mdev_supported_types/T1/devices/83b8f4f2");
     }},
    {Step::kReset, "cannot be reset between two users", ForceReason::kNoReset,
     [](Host& host) {
       host.tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/reset_method", "flr\n");
     }},
};

void Add(Host& host, const std::vector<const Cause*>& causes) {
  for (const Cause* one : causes) {
    if (one->describe != nullptr) one->describe(host.card);
  }
  host.tree().AddDriver("bochs-drm");
  host.tree().AddDevice(host.card);
  for (const Cause* one : causes) {
    if (one->add != nullptr) one->add(host);
  }
}

// All causes are overridden, or those of the first step that is left are told and nothing is done.
void Check(Host& host, const std::vector<const Cause*>& causes, const ForceSet& force) {
  AssignmentHost assignment = host.Assignment();
  const BindRequest request = {.devices = {kCard}, .force = force};
  const auto is_overridden = [&](const Cause* one) {
    return one->word && force.contains(*one->word);
  };
  const auto first = std::find_if_not(causes.begin(), causes.end(), is_overridden);
  if (first == causes.end()) {
    EXPECT_THAT(PlanBinding(assignment, request), IsOk());
    return;
  }
  const auto refused = Bind(assignment, request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), (*first)->step == Step::kUse ? Code::kInUse : Code::kUnfit);
  for (const Cause* one : causes) {
    const std::string& text = refused.error().message();
    if (is_overridden(one)) {
      EXPECT_THAT(text, Not(HasSubstr(one->told)));
    } else if (one->step == (*first)->step) {
      EXPECT_THAT(text, HasSubstr(one->told));
    }
  }
  EXPECT_THAT(host.tree().writes(), IsEmpty());
  EXPECT_THAT(host.world.Records(), IsEmpty());
}

// Without a word, with that of each, with both, and with one that only a restore knows.
void CheckWithWords(const std::vector<const Cause*>& causes) {
  Host host;
  Add(host, causes);
  Check(host, causes, {});
  Check(host, causes, {ForceReason::kAssigned});
  ForceSet all;
  for (const Cause* one : causes) {
    if (!one->word) continue;
    Check(host, causes, {*one->word});
    all.insert(*one->word);
  }
  Check(host, causes, all);
}

TEST(RefusedPairs, WithoutACauseTheCardIsFree) {
  Host host;
  Add(host, {});
  Check(host, {}, {});
}

TEST(RefusedPairs, EachCauseRefusesAloneAndWithEachOther) {
  for (size_t first = 0; first < kCauses.size(); ++first) {
    SCOPED_TRACE(kCauses[first].told);
    CheckWithWords({&kCauses[first]});
    for (size_t second = first + 1; second < kCauses.size(); ++second) {
      SCOPED_TRACE(kCauses[second].told);
      CheckWithWords({&kCauses[first], &kCauses[second]});
    }
  }
}

}  // namespace
}  // namespace sysfs
