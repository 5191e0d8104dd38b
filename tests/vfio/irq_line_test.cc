#include "vfio/irq_line.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "tests/support/fake_tree.h"

namespace vfio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr sysfs::PciAddress kCard{0, 5, 1, 0};

test::FakeTree Host() {
  test::FakeTree tree;
  tree.AddDevice({.bdf = "0000:05:01.0"});
  tree.AddDevice({.bdf = "0000:05:02.0"});
  tree.AddDevice({.bdf = "0000:00:1f.2"});
  tree.AddFile("/sys/bus/pci/devices/0000:05:01.0/irq", "16");
  tree.AddFile("/sys/bus/pci/devices/0000:05:02.0/irq", "17");
  tree.AddFile("/sys/bus/pci/devices/0000:00:1f.2/irq", "16");
  tree.AddFile("/sys/kernel/irq/16/actions", "ahci,i801_smbus");
  return tree;
}

TEST(ReadIrqLine, NamesHandlersAndNeighbours) {
  const test::FakeTree tree = Host();
  const auto line = ReadIrqLine(tree, kCard);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->number, 16u);
  EXPECT_THAT(line->users, ElementsAre("ahci", "i801_smbus"));
  EXPECT_THAT(line->neighbours, ElementsAre(sysfs::PciAddress{0, 0, 0x1f, 2}));
  EXPECT_THAT(ReadIrqLine(tree, {0, 5, 2, 0})->users, IsEmpty());
}

TEST(ReadIrqLine, AFunctionWithoutLineHasNone) {
  test::FakeTree tree = Host();
  EXPECT_FALSE(ReadIrqLine(tree, {0, 9, 0, 0}).has_value());
  tree.AddFile("/sys/bus/pci/devices/0000:05:01.0/irq", "0");
  EXPECT_FALSE(ReadIrqLine(tree, kCard).has_value());
}

TEST(ExplainIntx, ASharedLineNamesItsUsers) {
  const base::Error refused(base::Code::kKernel, "VFIO_DEVICE_SET_IRQS: busy", EBUSY);
  const base::Error explained = ExplainIntx(refused, kCard, ReadIrqLine(Host(), kCard));
  EXPECT_EQ(explained.code(), base::Code::kInUse);
  EXPECT_THAT(explained.message(), HasSubstr("0000:05:01.0: cannot mask its own interrupt pin"));
  EXPECT_THAT(explained.message(),
              HasSubstr("interrupt 16 for it alone; it is used by ahci, i801"));
  EXPECT_THAT(explained.message(), HasSubstr("on the same line: 0000:00:1f.2"));
  EXPECT_THAT(explained.hint(), HasSubstr("/proc/interrupts, line 16"));
}

TEST(ExplainIntx, OtherFailuresStayAsTheyAre) {
  const base::Error refused(base::Code::kKernel, "VFIO_DEVICE_SET_IRQS: no such device", ENODEV);
  EXPECT_EQ(ExplainIntx(refused, kCard, ReadIrqLine(Host(), kCard)).message(), refused.message());
  const base::Error busy(base::Code::kKernel, "VFIO_DEVICE_SET_IRQS: busy", EBUSY);
  EXPECT_EQ(ExplainIntx(busy, kCard, std::nullopt).message(), busy.message());
  EXPECT_THAT(ExplainIntx(busy, kCard, IrqLine{9, {}, {}}).message(), HasSubstr("used by others"));
}

}  // namespace
}  // namespace vfio
