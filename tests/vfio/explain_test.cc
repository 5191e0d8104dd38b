#include "vfio/explain.h"

#include <gmock/gmock.h>

#include <cerrno>

namespace vfio {
namespace {

using base::Code;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

AccessFacts Fine() {
  AccessFacts facts;
  facts.device = "0000:08:00.0";
  facts.node = "/dev/vfio/14";
  facts.driver = "vfio-pci";
  facts.on_vfio_driver = true;
  facts.group = 14;
  return facts;
}

AccessFacts OnNvme() {
  AccessFacts facts = Fine();
  facts.driver = "nvme";
  facts.on_vfio_driver = false;
  facts.blockers = {{{0, 8, 0, 0}, "nvme"}};
  return facts;
}

AccessFacts Blocked() {
  AccessFacts facts = Fine();
  facts.blockers = {{{0, 8, 0, 1}, "igb"}, {{0, 8, 0, 2}, "snd_hda_intel"}};
  return facts;
}

AccessFacts Held() {
  AccessFacts facts = Fine();
  facts.holders = {{1234, "qemu-system-x86", "/dev/vfio/14"}, {77, "", "/dev/vfio/14"}};
  return facts;
}

struct Case {
  Step step;
  int err;
  AccessFacts facts;
  Code code;
  const char* cause;
  const char* hint;
};

class ExplainTest : public testing::TestWithParam<Case> {};

TEST_P(ExplainTest, NamesCauseAndCure) {
  const Case& given = GetParam();
  const base::Error error = Explain(given.step, given.err, given.facts);
  EXPECT_EQ(error.code(), given.code) << error.message();
  EXPECT_EQ(error.err(), given.err);
  EXPECT_THAT(error.message(), StartsWith("0000:08:00.0: "));
  EXPECT_THAT(error.message(), HasSubstr(given.cause));
  EXPECT_THAT(error.hint(), HasSubstr(given.hint));
}

INSTANTIATE_TEST_SUITE_P(
    Opening, ExplainTest,
    testing::Values(
        Case{Step::kOpenGroup, ENOENT, OnNvme(), Code::kInUse, "on the driver nvme",
             "vassign bind 0000:08:00.0"},
        Case{Step::kOpenDeviceFile, ENOENT, OnNvme(), Code::kInUse, "on the driver nvme",
             "vassign bind 0000:08:00.0"},
        Case{Step::kOpenGroup, ENOENT, Fine(), Code::kUnsupported, "/dev/vfio/14 is missing",
             "udevadm"},
        Case{Step::kOpenGroup, EBUSY, Held(), Code::kInUse, "qemu-system-x86 (pid 1234)", "end"},
        Case{Step::kOpenGroup, EBUSY, Held(), Code::kInUse, "a process (pid 77)", "end"},
        Case{Step::kOpenGroup, EBUSY, Fine(), Code::kInUse, "cannot be seen", "fuser"},
        Case{Step::kOpenGroup, EACCES, Fine(), Code::kDenied, "/dev/vfio/14", "chown"},
        Case{Step::kOpenGroup, EACCES, OnNvme(), Code::kDenied, "/dev/vfio/14", "root"},
        Case{Step::kOpenDeviceFile, EPERM, Fine(), Code::kDenied, "/dev/vfio/14", "root"},
        Case{Step::kOpenGroup, EMFILE, Fine(), Code::kKernel, "Too many open files", "dmesg"}));

INSTANTIATE_TEST_SUITE_P(
    Attaching, ExplainTest,
    testing::Values(
        Case{Step::kAttachGroup, 0, OnNvme(), Code::kInUse, "on the driver nvme", "vassign bind"},
        Case{Step::kAttachGroup, 0, Blocked(), Code::kUnfit,
             "group 14 is not viable: 0000:08:00.1 is on igb, 0000:08:00.2 is on snd_hda_intel",
             "vassign bind 0000:08:00.1 0000:08:00.2"},
        Case{Step::kAttachGroup, EPERM, Blocked(), Code::kUnfit, "not viable", "vassign bind"},
        Case{Step::kAttachGroup, 0, Fine(), Code::kUnfit, "another owner", ""},
        Case{Step::kAttachGroup, EPERM, Fine(), Code::kUnfit, "no interrupt remapping",
             "vfio_iommu_type1.allow_unsafe_interrupts=1"},
        Case{Step::kAttachGroup, ENODEV, Fine(), Code::kUnsupported, "no type1",
             "modprobe vfio_iommu_type1"},
        Case{Step::kAttachGroup, EINVAL, Fine(), Code::kUnfit, "reserves", "iommu_groups/14"},
        Case{Step::kAttachGroup, EIO, Fine(), Code::kKernel, "behind the IOMMU", "dmesg"},
        Case{Step::kAttachDevice, EADDRINUSE, Fine(), Code::kUnfit, "reserves", "reserved_regions"},
        Case{Step::kAttachDevice, EINVAL, Held(), Code::kUnfit, "address space of its own", ""},
        Case{Step::kAttachDevice, ENOMEM, Fine(), Code::kDenied, "memory", "RLIMIT_MEMLOCK"}));

INSTANTIATE_TEST_SUITE_P(
    Device, ExplainTest,
    testing::Values(
        Case{Step::kBindDevice, EPERM, Blocked(), Code::kUnfit, "not viable", "vassign bind"},
        Case{Step::kBindDevice, EPERM, Held(), Code::kInUse, "pid 1234", "end"},
        Case{Step::kBindDevice, EBUSY, Held(), Code::kInUse, "pid 1234", "end"},
        Case{Step::kBindDevice, EINVAL, Held(), Code::kInUse, "pid 1234", "end"},
        Case{Step::kBindDevice, EPERM, Fine(), Code::kUnfit, "no interrupt remapping",
             "iommufd.allow_unsafe_interrupts=1"},
        Case{Step::kBindDevice, EPERM, Fine(), Code::kUnfit, "forge interrupts", "hostile guest"},
        Case{Step::kBindDevice, EINVAL, Fine(), Code::kUnfit, "cache coherent", "fuser"},
        Case{Step::kOpenDevice, EAGAIN, Fine(), Code::kKernel, "another reset", "again"},
        Case{Step::kOpenDevice, EBUSY, Fine(), Code::kInUse, "cannot be seen", "fuser"},
        Case{Step::kOpenDevice, ENODEV, OnNvme(), Code::kInUse, "driver nvme", "vassign bind"},
        Case{Step::kOpenDevice, EINVAL, Fine(), Code::kKernel, "Invalid argument", "dmesg"},
        Case{Step::kOpenDevice, EIO, Held(), Code::kKernel, "Input/output error", "dmesg"}));

TEST(Explain, ADeviceWithoutDriverNeedsOne) {
  AccessFacts facts = OnNvme();
  facts.driver.reset();
  const base::Error error = Explain(Step::kOpenGroup, ENOENT, facts);
  EXPECT_EQ(error.code(), Code::kInUse);
  EXPECT_THAT(error.message(), HasSubstr("no driver"));
  EXPECT_THAT(error.hint(), HasSubstr("vassign bind 0000:08:00.0"));
}

TEST(Explain, ATokenIsMissingOrWrong) {
  AccessFacts facts = Fine();
  EXPECT_THAT(Explain(Step::kOpenDevice, EACCES, facts).message(), HasSubstr("/dev/vfio/14"));
  facts.has_functions = true;
  EXPECT_THAT(Explain(Step::kOpenDevice, EACCES, facts).message(),
              HasSubstr("its virtual functions are in use, and the VF token is missing"));
  facts.physical = "0000:07:00.0";
  for (const Step step : {Step::kOpenDevice, Step::kBindDevice}) {
    const base::Error error = Explain(step, EACCES, facts);
    EXPECT_EQ(error.code(), Code::kDenied);
    EXPECT_THAT(error.message(), HasSubstr("physical function 0000:07:00.0"));
    EXPECT_THAT(error.hint(), HasSubstr("--assign 0000:08:00.0,token=UUID"));
  }
  EXPECT_THAT(Explain(Step::kOpenGroup, EACCES, facts).hint(), HasSubstr("chown"));
}

// The cure for one backend does nothing for the other.
TEST(Explain, TheOverrideIsThatOfTheBackendInUse) {
  EXPECT_THAT(Explain(Step::kBindDevice, EPERM, Fine()).hint(), Not(HasSubstr("type1")));
  EXPECT_THAT(Explain(Step::kAttachGroup, EPERM, Fine()).hint(), Not(HasSubstr("iommufd")));
}

TEST(ExplainContainer, TellsAbsenceFromPermission) {
  EXPECT_EQ(ExplainContainer(ENOENT).code(), Code::kUnsupported);
  EXPECT_THAT(ExplainContainer(ENOENT).hint(), HasSubstr("modprobe vfio-pci"));
  EXPECT_EQ(ExplainContainer(EACCES).code(), Code::kDenied);
}

TEST(ExplainIommufd, TellsAbsenceFromPermission) {
  EXPECT_EQ(ExplainIommufd(ENODEV).code(), Code::kUnsupported);
  EXPECT_THAT(ExplainIommufd(ENODEV).hint(), HasSubstr("modprobe iommufd"));
  EXPECT_EQ(ExplainIommufd(EPERM).code(), Code::kDenied);
  EXPECT_THAT(ExplainIommufd(EPERM).hint(), HasSubstr("/dev/iommu"));
}

}  // namespace
}  // namespace vfio
