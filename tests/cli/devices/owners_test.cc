#include "cli/devices/owners.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"

namespace cli {
namespace {

class OwnersOfNodes : public testing::Test {
 protected:
  void AddProcess(int pid, const std::string& command, const std::string& opened) {
    const std::string folder = "/proc/" + std::to_string(pid);
    tree_.AddFile(folder + "/comm", command + "\n");
    tree_.AddLink(folder + "/fd/7", opened);
  }
  const std::vector<std::string> drive_{"/dev/vfio/14", "/dev/vfio/devices/vfio3"};
  const std::vector<std::string> card_{"/dev/vfio/4"};
  const std::vector<std::string> all_{"/dev/vfio/14", "/dev/vfio/devices/vfio3", "/dev/vfio/4"};
  test::FakeTree tree_;
};

TEST_F(OwnersOfNodes, NobodyHasItOpen) {
  AddProcess(1, "init", "/dev/null");
  const Owners owners(tree_, all_, {});
  EXPECT_EQ(owners.Of(drive_), std::nullopt);
  EXPECT_TRUE(owners.sees_all());
}

TEST_F(OwnersOfNodes, EachNodeHasItsOwn) {
  AddProcess(20, "vmm", "/dev/vfio/devices/vfio3");
  AddProcess(30, "qemu", "/vfio/4");  // in another root
  const Owners owners(tree_, all_, {});
  EXPECT_EQ(owners.Of(drive_), (Owner{20, "vmm"}));
  EXPECT_EQ(owners.Of(card_), (Owner{30, "qemu"}));
}

TEST_F(OwnersOfNodes, WithoutRightsOthersStayHidden) {
  AddProcess(30, "qemu", "/dev/vfio/4");
  EXPECT_FALSE(Owners(tree_, all_, {}).sees_all());
}

}  // namespace
}  // namespace cli
