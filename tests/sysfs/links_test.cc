#include "sysfs/links.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(FollowLinks, NotesEachLinkAtItsPlace) {
  test::FakeTree tree;
  tree.AddLink("/sys/bus", "class/../real");
  tree.AddLink("/sys/real/device", "/sys/devices/one");
  tree.AddDirectory("/sys/class");
  std::vector<std::pair<std::string, std::string>> links;
  const auto note = [&](const std::string& link, const std::string& target) {
    links.emplace_back(link, target);
  };
  EXPECT_EQ(FollowLinks(tree, "/sys/bus//./device/absent", note), "/sys/devices/one/absent");
  EXPECT_THAT(links, ElementsAre(Pair("/sys/bus", "class/../real"),
                                 Pair("/sys/real/device", "/sys/devices/one")));
  EXPECT_EQ(FollowLinks(tree, "/../.."), "");
}

TEST(FollowLinks, ACircleHasNoEnd) {
  test::FakeTree tree;
  tree.AddLink("/one", "other");
  tree.AddLink("/other", "one");
  EXPECT_EQ(FollowLinks(tree, "/one"), std::nullopt);
}

}  // namespace
}  // namespace sysfs
