#include "sysfs/assignment/driver_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kDevice[] = "/sys/bus/pci/devices/0000:08:00.0/driver_override";
constexpr char kBdf[] = "0000:08:00.0";

PciDevice Device(std::optional<std::string> driver, std::optional<std::string> override_name,
                 uint8_t bus = 8) {
  PciDevice device;
  device.address = {0, bus, 0, 0};
  device.driver = std::move(driver);
  device.driver_override = std::move(override_name);
  return device;
}

// "path=value" of each write.
std::vector<std::string> Writes(const ChangeSet& changes) {
  std::vector<std::string> writes;
  for (const Change& change : changes)
    writes.push_back(change.write.path + "=" + change.write.value);
  return writes;
}

std::string At(const std::string& driver, const std::string& verb, const std::string& bdf = kBdf) {
  return "/sys/bus/pci/drivers/" + driver + "/" + verb + "=" + bdf;
}

std::string Override(const std::string& value) { return std::string(kDevice) + "=" + value; }

std::vector<std::string> BindWrites(const PciDevice& device) {
  return Writes(PlanBind({&device, 1}, "vfio-pci"));
}

TEST(PlanBind, OverridesThenUnbindsThenBinds) {
  EXPECT_THAT(BindWrites(Device("nvme", std::nullopt)),
              ElementsAre(Override("vfio-pci"), At("nvme", "unbind"), At("vfio-pci", "bind")));
}

TEST(PlanBind, DoesOnlyWhatIsMissing) {
  EXPECT_THAT(BindWrites(Device("vfio-pci", "vfio-pci")), IsEmpty());
  EXPECT_THAT(BindWrites(Device("vfio-pci", std::nullopt)), ElementsAre(Override("vfio-pci")));
  EXPECT_THAT(BindWrites(Device("nvme", "vfio-pci")),
              ElementsAre(At("nvme", "unbind"), At("vfio-pci", "bind")));
  EXPECT_THAT(BindWrites(Device(std::nullopt, "vfio-pci")), ElementsAre(At("vfio-pci", "bind")));
  EXPECT_THAT(BindWrites(Device(std::nullopt, "none")),
              ElementsAre(Override("vfio-pci"), At("vfio-pci", "bind")));
}

TEST(PlanBind, OverridesAllBeforeItUnbindsAny) {
  const std::vector<PciDevice> devices = {Device("nvme", std::nullopt),
                                          Device("igb", std::nullopt, 9)};
  EXPECT_THAT(Writes(PlanBind(devices, "vfio-pci")),
              ElementsAre(Override("vfio-pci"),
                          "/sys/bus/pci/devices/0000:09:00.0/driver_override=vfio-pci",
                          At("nvme", "unbind"), At("igb", "unbind", "0000:09:00.0"),
                          At("vfio-pci", "bind"), At("vfio-pci", "bind", "0000:09:00.0")));
}

TEST(PlanBind, ChecksTheDriverLinkAfterEachMove) {
  const PciDevice device = Device("nvme", std::nullopt);
  const ChangeSet changes = PlanBind({&device, 1}, "vfio-pci");
  ASSERT_EQ(changes.size(), 3u);
  const std::string link = "/sys/bus/pci/devices/0000:08:00.0/driver";
  EXPECT_EQ(changes[1].expect, (LinkCheck{link, std::nullopt}));
  EXPECT_EQ(changes[2].expect, (LinkCheck{link, "vfio-pci"}));
  EXPECT_TRUE(changes[2].write.retry_busy);
  EXPECT_THAT(changes[1].write.accepted, ElementsAre(ENODEV));
}

std::vector<std::string> RestoreWrites(const PciDevice& device, std::optional<std::string> driver,
                                       std::optional<std::string> override_name) {
  Record record;
  record.driver = std::move(driver);
  record.driver_override = std::move(override_name);
  const RestoreItem item = {device, record};
  return Writes(PlanRestore({&item, 1}));
}

TEST(PlanRestore, GivesBackDriverAndOverride) {
  const PciDevice device = Device("vfio-pci", "vfio-pci");
  EXPECT_THAT(
      RestoreWrites(device, "nvme", std::nullopt),
      ElementsAre(Override("nvme"), At("vfio-pci", "unbind"), At("nvme", "bind"), Override("\n")));
  EXPECT_THAT(RestoreWrites(device, "nvme", "pci-stub"),
              ElementsAre(Override("nvme"), At("vfio-pci", "unbind"), At("nvme", "bind"),
                          Override("pci-stub")))
      << "somebody set it while nvme had the device";
  EXPECT_THAT(RestoreWrites(device, "uio", "uio"),
              ElementsAre(Override("uio"), At("vfio-pci", "unbind"), At("uio", "bind")));
  EXPECT_THAT(RestoreWrites(device, std::nullopt, "none"),
              ElementsAre(Override("none"), At("vfio-pci", "unbind")));
  EXPECT_THAT(RestoreWrites(device, "vfio-pci", std::nullopt), ElementsAre(Override("\n")));
}

TEST(PlanRestore, WorksFromEveryStateOfAKilledRun) {
  EXPECT_THAT(RestoreWrites(Device("nvme", std::nullopt), "nvme", std::nullopt), IsEmpty());
  EXPECT_THAT(RestoreWrites(Device("nvme", "vfio-pci"), "nvme", std::nullopt),
              ElementsAre(Override("\n")));
  EXPECT_THAT(RestoreWrites(Device(std::nullopt, "vfio-pci"), "nvme", std::nullopt),
              ElementsAre(Override("nvme"), At("nvme", "bind"), Override("\n")));
  EXPECT_THAT(RestoreWrites(Device(std::nullopt, std::nullopt), "nvme", std::nullopt),
              ElementsAre(Override("nvme"), At("nvme", "bind"), Override("\n")));
  EXPECT_THAT(RestoreWrites(Device("nvme", "nvme"), "nvme", std::nullopt),
              ElementsAre(Override("\n")));
}

constexpr char kPower[] = "/sys/bus/pci/devices/0000:08:00.0/power/control=";

std::vector<std::string> PowerWrites(const PciDevice& device, const Record& record,
                                     std::optional<std::string> now) {
  const RestoreItem item = {device, record, std::move(now)};
  return Writes(PlanRestore({&item, 1}));
}

// Both drivers may have changed it by then, so what it says now decides nothing.
TEST(PlanRestore, WritesPowerControlAfterADriverHasComeOrGone) {
  Record record;
  record.driver = "nvme";
  record.power_control = "auto";
  EXPECT_THAT(PowerWrites(Device("vfio-pci", "vfio-pci"), record, "auto"),
              ElementsAre(Override("nvme"), At("vfio-pci", "unbind"), At("nvme", "bind"),
                          Override("\n"), kPower + std::string("auto")));
  record.driver = std::nullopt;
  record.power_control = "on";
  EXPECT_THAT(PowerWrites(Device("vfio-pci", std::nullopt), record, "on"),
              ElementsAre(At("vfio-pci", "unbind"), kPower + std::string("on")));
}

TEST(PlanRestore, LeavesPowerControlThatIsAsItWas) {
  Record record;
  record.driver = "nvme";
  EXPECT_THAT(PowerWrites(Device("nvme", std::nullopt), record, "on"), IsEmpty())
      << "nothing was recorded";
  record.power_control = "auto";
  EXPECT_THAT(PowerWrites(Device("nvme", std::nullopt), record, "auto"), IsEmpty());
  EXPECT_THAT(PowerWrites(Device("nvme", std::nullopt), record, "on"),
              ElementsAre(kPower + std::string("auto")));
}

TEST(PlanBind, UndoPutsPowerControlBack) {
  const PciDevice device = Device("nvme", std::nullopt);
  for (const Change& change : PlanBind({&device, 1}, "vfio-pci", {{device.address, "auto"}})) {
    if (change.write.path.ends_with("/driver_override")) continue;
    EXPECT_EQ(change.undo.back().path + "=", kPower);
    EXPECT_EQ(change.undo.back().value, "auto");
  }
}

TEST(PlanUnbind, KeepsTheOverride) {
  EXPECT_THAT(Writes(PlanUnbind(Device("vfio-pci", "vfio-pci"))),
              ElementsAre(At("vfio-pci", "unbind")));
  EXPECT_THAT(PlanUnbind(Device(std::nullopt, "vfio-pci")), IsEmpty());
}

TEST(PlanRelease, LetsTheKernelChoose) {
  const std::string probe = "/sys/bus/pci/drivers_probe=0000:08:00.0";
  EXPECT_THAT(Writes(PlanRelease(Device("vfio-pci", "vfio-pci"), true)),
              ElementsAre(Override("\n"), At("vfio-pci", "unbind"), probe));
  EXPECT_THAT(Writes(PlanRelease(Device(std::nullopt, "none"), false)),
              ElementsAre(Override("\n"), probe));
  EXPECT_THAT(Writes(PlanRelease(Device("nvme", "vfio-pci"), false)), ElementsAre(Override("\n")));
  EXPECT_THAT(PlanRelease(Device("nvme", std::nullopt), false), IsEmpty());
  // As a run leaves it that was killed in between.
  EXPECT_THAT(Writes(PlanRelease(Device(std::nullopt, std::nullopt), false)), ElementsAre(probe));
}

TEST(PlanRelease, UndoPutsPowerControlBack) {
  const ChangeSet changes = PlanRelease(Device("vfio-pci", "vfio-pci"), true, "on");
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[1].undo.back().path + "=", kPower);
  EXPECT_EQ(changes[1].undo.back().value, "on");
}

TEST(ExplainBind, KnowsWhatAUserCanMeet) {
  for (const int err : {EINVAL, EBUSY, ENODEV, ENOENT}) {
    const auto explanation = ExplainBind(err, "vfio-pci");
    ASSERT_TRUE(explanation);
    EXPECT_THAT(explanation->cause, HasSubstr("vfio-pci"));
    EXPECT_FALSE(explanation->cure.empty());
  }
  EXPECT_FALSE(ExplainBind(EIO, "vfio-pci"));
}

}  // namespace
}  // namespace sysfs
