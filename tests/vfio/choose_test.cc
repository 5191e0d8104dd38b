#include <gmock/gmock.h>

#include <cerrno>

#include "tests/vfio/space_fixture.h"
#include "vfio/dma_space.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

BackendFacts Facts(int iommufd_error, int container_error,
                   std::vector<sysfs::PciAddress> without_cdev = {}) {
  BackendFacts facts;
  facts.iommufd = iommufd_error == 0;
  facts.iommufd_error = iommufd_error;
  facts.container = container_error == 0;
  facts.container_error = container_error;
  facts.without_cdev = std::move(without_cdev);
  return facts;
}

TEST(ChooseBackend, NeitherSaysWhatIsMissing) {
  const auto choice = ChooseBackend(Facts(ENOENT, ENODEV), Backend::kAuto);
  EXPECT_THAT(choice, FailsWith(Code::kUnsupported,
                                AllOf(HasSubstr("/dev/iommu"), HasSubstr("/dev/vfio/vfio"))));
  EXPECT_THAT(choice.error().hint(), HasSubstr("modprobe vfio-pci"));
}

TEST(ChooseBackend, NeitherForLackOfPermission) {
  const auto choice = ChooseBackend(Facts(EACCES, ENOENT), Backend::kAuto);
  EXPECT_THAT(choice, FailsWith(Code::kDenied));
  EXPECT_THAT(choice.error().hint(), HasSubstr("/dev/iommu"));
  EXPECT_THAT(ChooseBackend(Facts(ENOENT, EPERM), Backend::kAuto), FailsWith(Code::kDenied));
}

TEST(ChooseBackend, WhatWasAskedForOrAnError) {
  EXPECT_THAT(ChooseBackend(Facts(ENOENT, 0), Backend::kIommufd),
              FailsWith(Code::kUnsupported, HasSubstr("/dev/iommu")));
  EXPECT_THAT(ChooseBackend(Facts(0, ENOENT), Backend::kType1),
              FailsWith(Code::kUnsupported, HasSubstr("/dev/vfio/vfio")));
  const auto type1 = ChooseBackend(Facts(0, 0), Backend::kType1);
  ASSERT_THAT(type1, IsOk());
  EXPECT_EQ(type1->backend, Backend::kType1);
  const auto iommufd = ChooseBackend(Facts(0, 0, {kNvme}), Backend::kIommufd);
  ASSERT_THAT(iommufd, IsOk());
  EXPECT_EQ(iommufd->backend, Backend::kIommufd);
}

TEST(ChooseBackend, IommufdWhenEachDeviceHasAFile) {
  const auto choice = ChooseBackend(Facts(0, 0), Backend::kAuto);
  ASSERT_THAT(choice, IsOk());
  EXPECT_EQ(choice->backend, Backend::kIommufd);
  EXPECT_THAT(choice->reason, HasSubstr("/dev/iommu"));
}

TEST(ChooseBackend, Type1OtherwiseAndWhy) {
  const auto old = ChooseBackend(Facts(ENOENT, 0), Backend::kAuto);
  ASSERT_THAT(old, IsOk());
  EXPECT_EQ(old->backend, Backend::kType1);
  EXPECT_THAT(old->reason, HasSubstr("/dev/iommu: No such file"));
  const auto partial = ChooseBackend(Facts(0, 0, {kNvme, kOther}), Backend::kAuto);
  ASSERT_THAT(partial, IsOk());
  EXPECT_EQ(partial->backend, Backend::kType1);
  EXPECT_THAT(partial->reason, HasSubstr("0000:08:00.0, 0000:09:00.0 has no device file"));
}

TEST(ChooseBackend, Type1ForAToken) {
  BackendFacts facts = Facts(0, 0);
  facts.vf_token = true;
  const auto choice = ChooseBackend(facts, Backend::kAuto);
  ASSERT_THAT(choice, IsOk());
  EXPECT_EQ(choice->backend, Backend::kType1);
  EXPECT_THAT(choice->reason, HasSubstr("VF token"));
  EXPECT_EQ(ChooseBackend(facts, Backend::kIommufd)->backend, Backend::kIommufd);
  facts.container = false;
  EXPECT_EQ(ChooseBackend(facts, Backend::kAuto)->backend, Backend::kIommufd);
}

TEST(ChooseBackend, IommufdAloneLetsTheClaimExplain) {
  const auto choice = ChooseBackend(Facts(0, ENOENT, {kNvme}), Backend::kAuto);
  ASSERT_THAT(choice, IsOk());
  EXPECT_EQ(choice->backend, Backend::kIommufd);
}

TEST(ProbeBackends, LooksAtNodesAndDeviceFiles) {
  Host host;
  host.tree.AddDriver("nvme");
  host.tree.AddDevice({.bdf = "0000:0a:00.0", .driver = "nvme", .group = 20});
  const sysfs::PciAddress unbound{0, 10, 0, 0};
  const std::array devices = {kNvme, unbound};
  host.kernel.FailOpen("/dev/vfio/vfio", EACCES);
  const BackendFacts facts = ProbeBackends(host.kernel, host.tree, devices);
  EXPECT_TRUE(facts.iommufd);
  EXPECT_FALSE(facts.container);
  EXPECT_EQ(facts.container_error, EACCES);
  EXPECT_THAT(facts.without_cdev, ElementsAre(unbound));
  EXPECT_THAT(host.kernel.open_files(), IsEmpty());
}

TEST(OpenSpace, AutoProbes) {
  Host host;
  auto space = OpenSpace(host.kernel, host.tree, Backend::kAuto);
  ASSERT_THAT(space, IsOk());
  EXPECT_EQ((*space)->name(), "iommufd");
  host.kernel.FailOpen("/dev/iommu", ENOENT);
  space = OpenSpace(host.kernel, host.tree, Backend::kAuto);
  ASSERT_THAT(space, IsOk());
  EXPECT_EQ((*space)->name(), "type1");
  host.kernel.FailOpen("/dev/vfio/vfio", ENOENT);
  EXPECT_THAT(OpenSpace(host.kernel, host.tree, Backend::kAuto), FailsWith(Code::kUnsupported));
}

}  // namespace
}  // namespace vfio
