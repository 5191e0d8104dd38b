#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr char kDomain[] = "<source><address bus='0x08' slot='0x00' function='0x0'/></source>";

class ForeignUse : public testing::Test {
 protected:
  ForeignUse() { tree_.AddDevice({}); }
  std::vector<Evidence> Find() const { return RunFinder(FindForeignUse, tree_); }

  test::FakeTree tree_;
};

TEST_F(ForeignUse, OthersDevicesAreNotOurs) {
  tree_.AddFile("/etc/driverctl.d/pci-0000:08:00.1", "vfio-pci\n");
  tree_.AddFile("/run/libvirt/qemu/web.xml", "<source><address bus='0x09' slot='0'/></source>");
  tree_.AddFile("/run/libvirt/qemu/web.pid", kDomain);
  tree_.AddFile("/run/qemu-server/pci-id-reservations", "0000:08:00.1 100 pid:1\n0000:08:00.0\n\n");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(ForeignUse, Driverctl) {
  tree_.AddFile("/etc/driverctl.d/pci-0000:08:00.0", "vfio-pci\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Reason(ForceReason::kForeign), Not(Warns()),
                                        Cure("driverctl unset-override 0000:08:00.0"))));
}

TEST_F(ForeignUse, RunningDomainRefusesAndADefinedOneIsWorthKnowing) {
  tree_.AddFile("/run/libvirt/qemu/web 1.xml", kDomain);
  tree_.AddFile("/etc/libvirt/qemu/web 1.xml", kDomain);
  tree_.AddFile("/etc/libvirt/qemu/db.xml", kDomain);
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Path({"libvirt", "running domain web 1"}), Not(Warns()),
                                Reason(ForceReason::kForeign), Cure("virsh shutdown 'web 1'")),
                          AllOf(Path({"libvirt", "domain db"}), Warns(), Cure("virsh edit db"))));
}

TEST_F(ForeignUse, ProxmoxReservationOfALivingProcess) {
  tree_.AddFile("/run/qemu-server/pci-id-reservations", "0000:08:00.0 100 pid:4711\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Detail("once reserved it for guest 100"), Warns())));
  tree_.AddDirectory("/proc/4711");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Path({"Proxmox VE", "guest 100"}), Not(Warns()),
                                        Reason(ForceReason::kForeign))));
}

}  // namespace
}  // namespace sysfs
