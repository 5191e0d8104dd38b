#include "sriov/fit.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr sysfs::PciAddress kPort{0, 3, 0, 0};
const std::string kPath = "/sys/bus/pci/devices/0000:03:00.0/";

class Fit : public testing::Test {
 protected:
  Fit() {
    tree_.AddDevice({.bdf = "0000:00:01.0", .class_code = 0x060400});
    tree_.AddDevice({.bdf = "0000:03:00.0", .parent = "0000:00:01.0", .totalvfs = 7});
    tree_.AddFile("/sys/bus/pci/devices/0000:00:01.0/subordinate_bus_number", "3\n");
    tree_.AddFile(kPath + "sriov_offset", "128\n");
    tree_.AddFile(kPath + "sriov_stride", "2\n");
    SetFirstBar("0x00000000fe000000 0x00000000fe01bfff 0x0000000000140204");
  }
  // The first BAR of the virtual functions; the physical one's before it are empty.
  void SetFirstBar(const std::string& line) {
    const std::string empty = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
    std::string text;
    for (int i = 0; i < 7; ++i) text += empty;
    text += line + "\n";
    for (int i = 0; i < 5; ++i) text += empty;
    tree_.AddFile(kPath + "resource", text);
  }
  base::Status Check(unsigned count) {
    const auto pf = sysfs::ReadDevice(tree_, kPort);
    return CheckFit(ReadFit(tree_, *pf), count);
  }

  test::FakeTree tree_;
};

TEST_F(Fit, RoomForAllIsFine) {
  EXPECT_THAT(Check(7), IsOk());
  EXPECT_THAT(Check(0), IsOk());
}

TEST_F(Fit, BarsWithoutAddressSpaceAreNamed) {
  SetFirstBar("0x0000000000000000 0x000000000001bfff 0x0000000020140204");
  EXPECT_THAT(Check(1), FailsWith(Code::kUnfit, HasSubstr("BAR 0")));
  EXPECT_THAT(Check(1).error().hint(), HasSubstr("pci=realloc"));
  EXPECT_THAT(Check(0), IsOk());
}

// PCIe 6.0, 9.2.1.2: routing id + offset + stride * index.
TEST_F(Fit, FunctionsBeyondTheBridgesBusesAreRefused) {
  tree_.AddFile(kPath + "sriov_stride", "64\n");
  EXPECT_THAT(Check(2), IsOk());
  EXPECT_THAT(Check(3), FailsWith(Code::kUnfit, AllOf(HasSubstr("bus 04"), HasSubstr("to 03"))));
}

TEST_F(Fit, WhatIsNotKnownPasses) {
  tree_.Remove(kPath + "sriov_offset");
  tree_.Remove(kPath + "resource");
  EXPECT_THAT(Check(7), IsOk());
}

TEST_F(Fit, ErrnosAreExplained) {
  auto pf = *sysfs::ReadDevice(tree_, kPort);
  const auto explain = [&](int err) {
    return ExplainCount(base::Error(Code::kKernel, "sriov_numvfs", err), pf, 9);
  };
  EXPECT_EQ(explain(ENOENT).code(), Code::kUnsupported);
  EXPECT_THAT(explain(ENOENT).message(), HasSubstr("has no driver"));
  pf.driver = "igb";
  EXPECT_THAT(explain(ENOENT).message(), HasSubstr("igb cannot"));
  EXPECT_EQ(explain(EBUSY).code(), Code::kInUse);
  EXPECT_EQ(explain(ENOMEM).code(), Code::kKernel);
  EXPECT_THAT(explain(ENOMEM).message(), HasSubstr("address space or bus numbers"));
  EXPECT_THAT(explain(ENOSPC).message(), HasSubstr("queues"));
  EXPECT_EQ(explain(ERANGE).code(), Code::kUsage);
  EXPECT_THAT(explain(ERANGE).message(), HasSubstr("9 is more than it can have (7)"));
  EXPECT_EQ(explain(EIO).message(), "sriov_numvfs");
}

}  // namespace
}  // namespace sriov
