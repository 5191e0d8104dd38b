#include "sysfs/tree.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "sysfs/base/fd.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

namespace fs = std::filesystem;
using test::FailsWith;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::HasSubstr;

// A recorded host in a directory of its own.
class RecordedHost : public testing::Test {
 protected:
  RecordedHost() {
    std::string name = (fs::path(testing::TempDir()) / "tree-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    fs::create_directories(root_ / "sys/devices");
    fs::create_directories(root_ / "etc");
    std::ofstream(root_ / "sys/devices/vendor") << "0x8086\n";
    std::ofstream(root_ / "etc/hostname") << "recorded\n";
  }
  ~RecordedHost() override { fs::remove_all(root_); }

  fs::path root_;
};

TEST_F(RecordedHost, WritesAreRefused) {
  const auto tree = HostTree(root_.string());
  EXPECT_THAT(tree->Write("/sys/devices/vendor", "1"),
              FailsWith(base::Code::kUsage, HasSubstr("recorded host")));
  EXPECT_THAT(tree->Read("/sys/devices/vendor"), IsOkAnd("0x8086"));
}

TEST_F(RecordedHost, AbsentRootFailsEachRead) {
  const auto tree = HostTree((root_ / "absent").string());
  EXPECT_THAT(tree->Read("/sys/devices/vendor"), FailsWith(base::Code::kNotFound));
  EXPECT_FALSE(tree->Exists("/sys"));
}

TEST_F(RecordedHost, LinksCannotLeadOutOfTheRoot) {
  fs::create_symlink("/etc/hostname", root_ / "absolute");
  fs::create_symlink("../../../../../../../../etc/hostname", root_ / "relative");
  const auto tree = HostTree(root_.string() + "/");
  EXPECT_THAT(tree->Read("/absolute"), IsOkAnd("recorded"));
  EXPECT_THAT(tree->Read("/relative"), IsOkAnd("recorded"));
  EXPECT_THAT(tree->Read("/../../../../../../etc/hostname"), IsOkAnd("recorded"));
}

TEST_F(RecordedHost, ReadLinkGivesTheTargetAsWritten) {
  fs::create_symlink("../absent", root_ / "link");
  const auto tree = HostTree(root_.string());
  EXPECT_THAT(tree->ReadLink("/link"), IsOkAnd("../absent"));
  EXPECT_FALSE(tree->ReadLink("/etc/hostname").has_value());
  EXPECT_FALSE(tree->Exists("/link"));
}

TEST_F(RecordedHost, ListIsSorted) {
  std::ofstream(root_ / "etc/b") << "";
  std::ofstream(root_ / "etc/a") << "";
  const auto tree = HostTree(root_.string());
  EXPECT_THAT(tree->List("/etc"), IsOkAnd(ElementsAre("a", "b", "hostname")));
  EXPECT_THAT(tree->List("/etc/a"), FailsWith(base::Code::kKernel));
}

TEST_F(RecordedHost, ReadBytesStopsAtTheLimitAndAtTheEnd) {
  const auto tree = HostTree(root_.string());
  EXPECT_EQ(tree->ReadBytes("/sys/devices/vendor", 4)->size(), 4u);
  EXPECT_EQ(tree->ReadBytes("/sys/devices/vendor", 64)->size(), 7u);
}

TEST_F(RecordedHost, ReadBytesTakesNoMoreRoomThanTheFileNeeds) {
  const std::string text(200000, 'x');
  std::ofstream(root_ / "etc/long") << text;
  const auto bytes = HostTree(root_.string())->ReadBytes("/etc/long", size_t{64} << 20);
  ASSERT_THAT(bytes, test::IsOk());
  EXPECT_EQ(bytes->size(), text.size());
  EXPECT_LT(bytes->capacity(), 2 * text.size());
  EXPECT_EQ(HostTree(root_.string())->ReadBytes("/etc/long", 100000)->size(), 100000u);
}

// Not every file says how long it is.
TEST(RunningHost, ReadBytesGrowsWithTheFile) {
  const auto bytes = HostTree()->ReadBytes("/dev/zero", 200000);
  ASSERT_THAT(bytes, test::IsOk());
  EXPECT_EQ(bytes->size(), 200000u);
}

TEST_F(RecordedHost, LongFilesAreReadWhole) {
  std::ofstream(root_ / "etc/long") << std::string(10000, 'x');
  EXPECT_EQ(HostTree(root_.string())->Read("/etc/long")->size(), 10000u);
}

TEST(RunningHost, WritesOneValue) {
  std::string name = (fs::path(testing::TempDir()) / "attribute-XXXXXX").string();
  const int raw = ::mkstemp(name.data());
  const base::Fd fd(raw);
  const auto tree = HostTree();
  EXPECT_THAT(tree->Write(name, "vfio-pci"), test::IsOk());
  EXPECT_THAT(tree->Read(name), IsOkAnd("vfio-pci"));
  EXPECT_THAT(tree->Write(name + ".absent", "1"), FailsWith(base::Code::kNotFound));
  EXPECT_FALSE(fs::exists(name + ".absent"));
  fs::remove(name);
}

TEST(Helpers, AbsentOrWrongIsNothing) {
  test::FakeTree tree;
  tree.AddFile("/number", "no number\n");
  EXPECT_EQ(ReadHex(tree, "/number"), std::nullopt);
  EXPECT_EQ(ReadDecimal(tree, "/number"), std::nullopt);
  EXPECT_EQ(ReadText(tree, "/absent"), std::nullopt);
  EXPECT_EQ(LinkName(tree, "/number"), std::nullopt);
}

TEST(Helpers, ReadNumbersAndLinks) {
  test::FakeTree tree;
  tree.AddFile("/hex", "0x8086\n");
  tree.AddFile("/bare", "10fb\n");
  tree.AddFile("/decimal", "42\n");
  tree.AddLink("/driver", "../../bus/pci/drivers/nvme");
  EXPECT_EQ(ReadHex(tree, "/hex"), 0x8086u);
  EXPECT_EQ(ReadHex(tree, "/bare"), 0x10fbu);
  EXPECT_EQ(ReadDecimal(tree, "/decimal"), 42u);
  EXPECT_EQ(LinkName(tree, "/driver"), "nvme");
}

}  // namespace
}  // namespace sysfs
