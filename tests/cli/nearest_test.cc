#include "cli/nearest.h"

#include <gmock/gmock.h>

namespace cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Nearest, NothingNearIsNothing) {
  EXPECT_THAT(Nearest("", {"list"}, 3), IsEmpty());
  EXPECT_THAT(Nearest("restore", {"list", "show"}, 3), IsEmpty());
  EXPECT_THAT(Nearest(std::string(1000, 'x'), {std::string(1000, 'x')}, 3), IsEmpty());
}

TEST(Nearest, PartsComeFirstThenFewestEdits) {
  EXPECT_THAT(Nearest("shwo", {"list", "show"}, 3), ElementsAre("show"));
  EXPECT_THAT(Nearest("eth1", {"eth2", "veth12", "eth10"}, 3),
              ElementsAre("veth12", "eth10", "eth2"));
}

TEST(Nearest, KeepsTheLimit) {
  EXPECT_THAT(Nearest("eth", {"eth0", "eth1", "eth2"}, 2), ElementsAre("eth0", "eth1"));
}

}  // namespace
}  // namespace cli
