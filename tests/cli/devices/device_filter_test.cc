#include "cli/devices/device_filter.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/matchers.h"
#include "tests/support/recorded_host.h"

namespace cli {
namespace {

using test::FailsWith;
using testing::ElementsAre;
using testing::HasSubstr;

class Filter : public testing::Test {
 protected:
  std::vector<std::string> Passing(const DeviceFilter& filter) {
    std::vector<std::string> names;
    const auto devices = sysfs::ReadDevices(*context_.tree, DetailFor(filter));
    for (const auto& device : *devices) {
      if (Passes(filter, device, context_)) names.push_back(device.address.ToString());
    }
    return names;
  }
  static DeviceFilter Class(const std::string& value) {
    DeviceFilter filter;
    filter.classes = {value};
    return filter;
  }

  Filter() { context_.names = sysfs::Names(std::string(TEST_DATA_DIR) + "/pci.ids"); }

  std::ostringstream out_;
  Context context_{test::LoadHost("host.txt"), out_, out_};
};

TEST_F(Filter, WrongClassIsRefusedWithTheWords) {
  for (const char* value : {"", "nett", "1", "0x", "01080200", "0g"}) {
    const auto status = CheckFilter(Class(value), context_);
    ASSERT_THAT(status, FailsWith(base::Code::kUsage)) << value;
    EXPECT_THAT(status.error().hint(), HasSubstr("storage"));
  }
  EXPECT_THAT(CheckFilter(Class("nvme"), context_), test::IsOk());
  EXPECT_THAT(CheckFilter(Class("0x0108"), context_), test::IsOk());
}

TEST_F(Filter, EmptyPassesAll) { EXPECT_EQ(Passing({}).size(), 15u); }

TEST_F(Filter, ByClass) {
  EXPECT_THAT(Passing(Class("nvme")), ElementsAre("0000:08:00.0", "0000:09:00.0", "10000:01:00.0"));
  EXPECT_EQ(Passing(Class("06")).size(), 5u);
  EXPECT_THAT(Passing(Class("0300")), ElementsAre("0000:00:0f.0"));
}

TEST_F(Filter, ByDriver) {
  DeviceFilter filter;
  filter.drivers = {"igb", "igbvf"};
  EXPECT_THAT(Passing(filter), ElementsAre("0000:03:00.0", "0000:03:10.0"));
  filter.drivers = {"none"};
  EXPECT_THAT(Passing(filter), ElementsAre("0000:00:00.0", "0000:00:04.0", "0000:03:10.2"));
}

TEST_F(Filter, ByVendorNumberOrName) {
  DeviceFilter filter;
  filter.vendors = {"144d"};
  EXPECT_THAT(Passing(filter), ElementsAre("0000:09:00.0", "10000:01:00.0"));
  filter.vendors = {"samsung"};
  EXPECT_THAT(Passing(filter), ElementsAre("0000:09:00.0", "10000:01:00.0"));
  filter.vendors = {"0x10ec"};
  EXPECT_THAT(Passing(filter), ElementsAre("0000:0a:01.0"));
}

TEST_F(Filter, ByGroupAndFunctionKind) {
  DeviceFilter filter;
  filter.groups = {16};
  EXPECT_THAT(Passing(filter), ElementsAre("0000:00:04.0", "0000:0a:01.0", "0000:0a:02.0"));
  filter = {};
  filter.virtual_functions = true;
  EXPECT_THAT(Passing(filter), ElementsAre("0000:03:10.0", "0000:03:10.2"));
  filter = {};
  filter.physical_functions = true;
  EXPECT_THAT(Passing(filter), ElementsAre("0000:03:00.0", "0000:08:00.0"));
}

TEST_F(Filter, ByNumaNode) {
  context_.tree = [] {
    auto tree = test::LoadHost("host.txt");
    tree->AddFile("/sys/bus/pci/devices/0000:09:00.0/numa_node", "1\n");
    tree->AddFile("/sys/bus/pci/devices/0000:08:00.0/numa_node", "-1\n");
    return tree;
  }();
  DeviceFilter filter;
  filter.nodes = {1};
  EXPECT_THAT(Passing(filter), ElementsAre("0000:09:00.0"));
  filter.nodes = {0, 1};
  EXPECT_EQ(Passing(filter).size(), 14u);
}

TEST_F(Filter, FreeAsksWhatTheHostNeeds) {
  DeviceFilter filter = Class("storage");
  filter.free = true;
  EXPECT_THAT(CheckFilter(filter, context_), FailsWith(base::Code::kUsage));
  context_.use_marks = [](const sysfs::PciDevice& device) {
    // A warning on each, and a use that refuses on one.
    sysfs::Evidence piece;
    piece.refuses = device.address.bus == 9;
    return std::vector{piece};
  };
  EXPECT_THAT(CheckFilter(filter, context_), test::IsOk());
  EXPECT_THAT(Passing(filter), ElementsAre("0000:08:00.0", "10000:01:00.0"));
  context_.close_look = [](const sysfs::PciDevice& device) {
    EXPECT_NE(device.address.bus, 9) << "is not free already";
    sysfs::Evidence claim;
    claim.refuses = device.address.domain != 0;
    return std::vector{claim};
  };
  EXPECT_THAT(Passing(filter), ElementsAre("0000:08:00.0"));
  filter.classes = {"bridge"};
  EXPECT_THAT(Passing(filter), ElementsAre());
}

TEST_F(Filter, AssignableIsAnEndpointInAGroupThatNobodyElseBlocks) {
  DeviceFilter filter;
  filter.assignable = true;
  // Not the bridges, not the one behind r8169's group, not the one without an IOMMU.
  EXPECT_THAT(Passing(filter),
              ElementsAre("0000:00:0f.0", "0000:00:10.0", "0000:03:00.0", "0000:03:10.0",
                          "0000:03:10.2", "0000:08:00.0", "0000:09:00.0", "0000:0a:01.0"));
}

TEST_F(Filter, DifferentFiltersAllHold) {
  DeviceFilter filter = Class("net");
  filter.groups = {16};
  EXPECT_THAT(Passing(filter), ElementsAre("0000:0a:01.0"));
}

}  // namespace
}  // namespace cli
