#include "vmm/preview/preview.h"

#include <gmock/gmock.h>

#include "tests/support/fake_kvm.h"
#include "tests/support/fake_tree.h"

namespace vmm {
namespace {

using base::Code;
using base::kMiB;
using testing::HasSubstr;
using testing::IsEmpty;

class Preview : public testing::Test {
 protected:
  Preview() {
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDriver("nvme");
    tree_.AddDevice({.bdf = "0000:08:00.0", .driver = "vfio-pci", .group = 14});
    tree_.AddDevice({.bdf = "0000:09:00.0", .driver = "nvme", .group = 15});
    tree_.AddFile("/sys/bus/pci/devices/0000:08:00.0/reset_method", "flr bus\n");
    tree_.AddFile("/proc/self/status", "CapEff:\t000001ffffffffff\n");  // no limit counts
    options_.kernel = "/nowhere/vmlinux";
    options_.initrd = "/nowhere/initrd";
  }
  void Assign(const char* bdf) { options_.assign.push_back({*sysfs::PciAddress::Parse(bdf), {}}); }
  MachinePreview Read() { return ReadPreview(kvm_, tree_, options_); }
  // The kernel file is never there.
  static std::vector<base::Error> WithoutKernel(const MachinePreview& preview) {
    EXPECT_FALSE(preview.problems.empty());
    auto problems = preview.problems;
    EXPECT_THAT(problems.back().message(), HasSubstr("/nowhere/vmlinux"));
    problems.pop_back();
    return problems;
  }

  test::FakeTree tree_;
  test::FakeKvm kvm_;
  Options options_;
};

TEST_F(Preview, OfADeviceThatCanBeHad) {
  Assign("0000:08:00.0");
  const MachinePreview preview = Read();
  EXPECT_THAT(WithoutKernel(preview), IsEmpty());
  ASSERT_TRUE(preview.plan);
  EXPECT_EQ(preview.plan->locked_bytes, 512 * kMiB);
  ASSERT_EQ(preview.devices.size(), 1u);
  EXPECT_EQ(preview.devices[0].port, 1);
  EXPECT_EQ(preview.devices[0].reset.method, "flr");
  EXPECT_TRUE(preview.dma);
  EXPECT_EQ(preview.dma_maps, 1u);
  EXPECT_EQ(preview.memory.pages, 256u);
  EXPECT_GT(preview.populate_threads, 0u);
}

TEST_F(Preview, ARomThatIsNoneIsAProblem) {
  Assign("0000:08:00.0");
  options_.assign[0].rom.file = "/nowhere/card.rom";
  const auto problems = WithoutKernel(Read());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].message(), HasSubstr("/nowhere/card.rom"));
  options_.assign[0].rom = {.off = true, .file = "/nowhere/card.rom"};
  EXPECT_THAT(WithoutKernel(Read()), IsEmpty());
}

TEST_F(Preview, GoesOnAfterAProblem) {
  Assign("0000:09:00.0");
  const MachinePreview preview = Read();
  const auto problems = WithoutKernel(preview);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].code(), Code::kInUse);
  EXPECT_EQ(problems[0].hint(), "vassign bind 0000:09:00.0");
  EXPECT_TRUE(preview.plan);
  EXPECT_EQ(preview.devices.size(), 1u);
}

TEST_F(Preview, WithoutKvmTheRestIsShown) {
  kvm_.open_error = EACCES;
  Assign("0000:08:00.0");
  const MachinePreview preview = Read();
  const auto problems = WithoutKernel(preview);
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems[0].code(), Code::kDenied);
  EXPECT_TRUE(preview.plan);
}

TEST_F(Preview, AMachineWithoutDevicesHasNoDma) {
  const MachinePreview preview = Read();
  EXPECT_THAT(WithoutKernel(preview), IsEmpty());
  EXPECT_FALSE(preview.dma);
  EXPECT_EQ(preview.dma_maps, 0u);
}

TEST_F(Preview, TooFewReservedPagesAreAProblem) {
  options_.pages = Pages::kHuge2M;
  tree_.AddFile("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
  const auto problems = WithoutKernel(Read());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].code(), Code::kUnfit);
}

TEST_F(Preview, ADeviceThatIsNotThereEndsIt) {
  Assign("0000:77:00.0");
  const MachinePreview preview = Read();
  ASSERT_EQ(preview.problems.size(), 1u);
  EXPECT_EQ(preview.problems[0].code(), Code::kNotFound);
  EXPECT_FALSE(preview.plan);
}

TEST_F(Preview, MachinesBeyondTheAddressWidthHaveNoPlan) {
  options_.memory_bytes = uint64_t{1} << 52;
  const MachinePreview preview = Read();
  ASSERT_FALSE(preview.problems.empty());
  EXPECT_EQ(preview.problems.back().code(), Code::kUnfit);
  EXPECT_FALSE(preview.plan);
}

}  // namespace
}  // namespace vmm
