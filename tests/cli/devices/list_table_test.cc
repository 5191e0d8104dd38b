#include "cli/devices/list_table.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/recorded_host.h"

namespace cli {
namespace {

TEST(Summary, NumbersBecomeRanges) {
  EXPECT_EQ(Summary({"17", "18", "19", "30"}), "17-19, 30");
  EXPECT_EQ(Summary({"4", "2"}), "2, 4");
  EXPECT_EQ(Summary({"7", "7"}), "7");
  EXPECT_EQ(Summary({"18446744073709551615", "0"}), "0, 18446744073709551615");
}

TEST(Summary, WordsAreSaidOnce) {
  EXPECT_EQ(Summary({"igbvf", "igbvf"}), "igbvf");
  EXPECT_EQ(Summary({"vfio-pci", "", "igbvf"}), "-, igbvf, vfio-pci");
  EXPECT_EQ(Summary({"", ""}), "");
  EXPECT_EQ(Summary({"a", "b", "c", "d"}), "a, b, c, …");
  EXPECT_EQ(Summary({}), "");
}

TEST(TreeTable, WhatWasNotAskedForIsDim) {
  std::ostringstream out;
  const Context context(test::LoadHost("host.txt"), out, out);
  const auto columns = ParseColumns("bdf,group", context);
  PlacedDevice one;
  one.device.address = {0, 8, 0, 0};
  one.device.iommu_group = 14;
  one.matches = false;
  const Table table = TreeTable(context, *columns, std::vector<TreeRow>{{"└─ ", {&one}, false}});
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][0].text, "└─ 0000:08:00.0");
  EXPECT_EQ(table.rows[0][1].text, "14");
  EXPECT_EQ(table.rows[0][1].style, Style::kDim);
}

}  // namespace
}  // namespace cli
