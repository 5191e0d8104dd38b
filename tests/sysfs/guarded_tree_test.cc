#include "sysfs/guarded_tree.h"

#include <gmock/gmock.h>
#include <sys/types.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "sysfs/pci_device.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/recorded_host.h"
#include "tests/support/stuck_tree.h"
#include "tests/support/unreadable_tree.h"

namespace sysfs {
namespace {

using base::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::FailsWith;
using testing::AllOf;
using testing::HasSubstr;

constexpr seconds kEnough(60);
constexpr milliseconds kShort(2000);  // for what answers, on a busy machine

std::string PathOf(const char* bdf, const char* attribute) {
  return std::string("/sys/bus/pci/devices/") + bdf + "/" + attribute;
}

std::unique_ptr<Tree> Stuck(std::set<std::string> paths) {
  return std::make_unique<test::StuckTree>(test::LoadHost("host.txt"), std::move(paths));
}

TEST(GuardedTree, SaysTheSameAsADirectRead) {
  const auto direct = test::LoadHost("host.txt");
  const GuardedTree tree(test::LoadHost("host.txt"), kEnough);
  const auto found = ReadDevices(tree, Detail::kFull);
  const auto wanted = ReadDevices(*direct, Detail::kFull);
  ASSERT_EQ(found->size(), wanted->size());
  for (size_t i = 0; i < found->size(); ++i) {
    EXPECT_EQ((*found)[i].driver_override, (*wanted)[i].driver_override) << (*found)[i].path();
    EXPECT_EQ((*found)[i].sriov_numvfs, (*wanted)[i].sriov_numvfs) << (*found)[i].path();
  }
}

TEST(GuardedTree, ContentsOfSeveralLinesComeWhole) {
  auto host = test::LoadHost("host.txt");
  const std::string path = PathOf("0000:09:00.0", "driver_override");
  host->AddFile(path, "one\n9 two\n");
  const GuardedTree tree(std::move(host), kEnough);
  EXPECT_EQ(tree.Read(path).value_or(""), "one\n9 two");
  EXPECT_EQ(tree.Read(path).value_or(""), "one\n9 two");
}

TEST(GuardedTree, AbsentIsAbsentAndUnreadableIsNot) {
  const std::string path = PathOf("0000:08:00.0", "driver_override");
  auto fake = std::make_unique<test::FakeTree>();
  auto* const below = fake.get();
  below->AddDevice({});
  below->Remove(path);
  const GuardedTree absent(std::move(fake), kEnough);
  EXPECT_EQ(ReadDevice(absent, {0, 8, 0, 0})->driver_override, std::nullopt);
  const GuardedTree unreadable(std::make_unique<test::UnreadableTree>(*below, std::set{path}, EIO),
                               kEnough);
  const auto read = unreadable.Read(path);
  EXPECT_THAT(read, FailsWith(Code::kKernel, HasSubstr("driver_override")));
  EXPECT_EQ(read.error().err(), EIO);
}

TEST(GuardedTree, AStuckDeviceEndsTheReadAndNoOtherOne) {
  const GuardedTree tree(Stuck({PathOf("0000:03:00.0", "sriov_numvfs")}), kShort);
  EXPECT_THAT(ReadDevice(tree, {0, 3, 0, 0}),
              FailsWith(Code::kTimedOut, AllOf(HasSubstr("0000:03:00.0: its lock"),
                                               HasSubstr("sriov_numvfs cannot be read"))));
  EXPECT_THAT(ReadDevice(tree, {0, 8, 0, 0}), test::IsOk());
}

TEST(GuardedTree, TheNextReadOfAStuckDeviceFailsAtOnce) {
  const GuardedTree tree(Stuck({PathOf("0000:03:00.0", "driver_override")}), kShort);
  EXPECT_THAT(ReadDevice(tree, {0, 3, 0, 0}), FailsWith(Code::kTimedOut));
  // Not asked: there is no child for it.
  EXPECT_THAT(tree.Read(PathOf("0000:03:00.0", "sriov_numvfs")),
              FailsWith(Code::kTimedOut, HasSubstr("its lock")));
  EXPECT_THAT(tree.Read(PathOf("0000:03:00.0", "uevent")), test::IsOk());
}

// Of this thread; other tests leave some behind.
std::set<pid_t> Children() {
  std::ifstream list("/proc/thread-self/children");
  return {std::istream_iterator<pid_t>(list), std::istream_iterator<pid_t>()};
}

TEST(GuardedTree, AChildThatIsGoneIsReplaced) {
  const GuardedTree tree(test::LoadHost("host.txt"), kEnough);
  const std::string path = PathOf("0000:08:00.0", "driver_override");
  const auto others = Children();
  ASSERT_THAT(tree.Read(path), test::IsOk());
  auto first = Children();
  for (const pid_t other : others) first.erase(other);
  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(::kill(*first.begin(), SIGKILL), 0);
  EXPECT_THAT(tree.Read(path), test::IsOk());
  EXPECT_FALSE(Children().contains(*first.begin()));
}

TEST(GuardedTree, SaysOnceASecondWhatItWaitsFor) {
  GuardedTree tree(Stuck({PathOf("0000:03:00.0", "driver_override")}), milliseconds(1200));
  std::vector<std::string> told;
  tree.Observe([&](const std::string& text) { told.push_back(text); });
  EXPECT_THAT(ReadDevice(tree, {0, 3, 0, 0}), FailsWith(Code::kTimedOut));
  EXPECT_THAT(told, testing::ElementsAre(HasSubstr("0000:03:00.0: waiting for its lock"), ""));
}

TEST(GuardedTree, APauseReadsDirectlyAndAfterItAnotherChildDoes) {
  const std::string path = PathOf("0000:08:00.0", "driver_override");
  auto fake = std::make_unique<test::FakeTree>();
  auto* const below = fake.get();
  below->AddDevice({});
  GuardedTree tree(std::move(fake), kEnough);
  EXPECT_EQ(tree.Read(path).value_or(""), "(null)");
  tree.Pause();
  ASSERT_THAT(tree.Write(path, "vfio-pci"), test::IsOk());
  EXPECT_EQ(tree.Read(path).value_or(""), "vfio-pci");
  tree.Resume();
  ASSERT_THAT(tree.Write(path, "pci-stub"), test::IsOk());
  EXPECT_EQ(tree.Read(path).value_or(""), "pci-stub");
}

}  // namespace
}  // namespace sysfs
