#include "cli/diagnosis/doctor_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/assignment_world.h"

namespace cli {
namespace {

using testing::HasSubstr;

TEST(DoctorCommand, ABareHostIsNotReadyAndSaysWhy) {
  test::AssignmentWorld world;
  EXPECT_EQ(world.Run({"doctor"}), 12) << world.out();
  EXPECT_THAT(world.out(), HasSubstr("/dev/kvm is not there"));
  EXPECT_THAT(world.out(), HasSubstr("this host is not ready: "));
}

TEST(DoctorCommand, AReadyHost) {
  test::AssignmentWorld world;
  world.tree().AddFile("/proc/cpuinfo", "flags : vmx");
  world.tree().AddFile("/proc/interrupts", "IR-IO-APIC");
  world.tree().AddFile("/dev/kvm", "");
  world.tree().AddFile("/dev/iommu", "");
  world.tree().AddFile("/sys/module/kvm_intel/parameters/ept", "Y");
  world.tree().AddDirectory("/sys/module/vfio_pci");
  EXPECT_EQ(world.Run({"doctor", "--json"}), 0) << world.out();
  const auto answer = nlohmann::json::parse(world.out());
  EXPECT_EQ(answer.at("schema"), "vassign.doctor/1");
  EXPECT_EQ(answer.at("verdict").at("ok"), true);
  EXPECT_GE(answer.at("findings").size(), 10U);
}

TEST(DoctorCommand, BadInput) {
  test::AssignmentWorld world;
  EXPECT_EQ(world.Run({"doctor", "08:00.0"}), 2);
}

}  // namespace
}  // namespace cli
