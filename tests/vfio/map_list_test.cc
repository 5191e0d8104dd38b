#include "vfio/map_list.h"

#include <gmock/gmock.h>

namespace vfio {
namespace {

using base::Range;
using testing::Optional;

TEST(MapList, HoldsExactlyWhatWasAdded) {
  MapList maps;
  maps.Add({0x1000, 0x2000});
  EXPECT_FALSE(maps.Holds({0x1000, 0x1000}));
  EXPECT_FALSE(maps.Holds({0x2000, 0x1000}));
  EXPECT_TRUE(maps.Holds({0x1000, 0x2000}));
  maps.Remove({0x1000, 0x2000});
  EXPECT_FALSE(maps.Holds({0x1000, 0x2000}));
}

TEST(MapList, FindsTheMapInTheWay) {
  MapList maps;
  maps.Add({0x1000, 0x1000});
  maps.Add({0x4000, 0x4000});
  EXPECT_EQ(maps.FindOverlap({0x0, 0x1000}), std::nullopt);
  EXPECT_EQ(maps.FindOverlap({0x2000, 0x2000}), std::nullopt);
  EXPECT_EQ(maps.FindOverlap({0x8000, 0x1000}), std::nullopt);
  EXPECT_THAT(maps.FindOverlap({0x0, 0x10000}), Optional(Range{0x1000, 0x1000}));
  EXPECT_THAT(maps.FindOverlap({0x2000, 0x2001}), Optional(Range{0x4000, 0x4000}));
  EXPECT_THAT(maps.FindOverlap({0x5000, 0x1000}), Optional(Range{0x4000, 0x4000}));
}

TEST(MapList, SumsUp) {
  MapList maps;
  EXPECT_EQ(maps.total(), 0u);
  maps.Add({0x1000, 0x1000});
  maps.Add({0x4000, 0x4000});
  EXPECT_EQ(maps.total(), 0x5000u);
}

}  // namespace
}  // namespace vfio
