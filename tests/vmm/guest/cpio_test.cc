#include "vmm/guest/cpio.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/support/command.h"

namespace vmm::guest {
namespace {

std::string TextOf(const std::vector<std::byte>& bytes, size_t offset, size_t size) {
  return {reinterpret_cast<const char*>(bytes.data()) + offset, size};
}

std::vector<std::byte> Sample() {
  CpioWriter archive;
  archive.AddFolder("/proc");
  archive.AddFile("/a/b/file", 0640, "12345");
  archive.AddFile("/a/b/empty", 0755, "");
  archive.AddLink("/a/link", "b/file");
  archive.AddCharacterDevice("/dev/console", 0600, 5, 1);
  return archive.Finish();
}

TEST(CpioWriter, WritesTheNewFormat) {
  CpioWriter archive;
  archive.AddFile("/init", 0755, "abc");
  const auto bytes = archive.Finish();
  // inode 1, a file of mode 755, owner and group 0, one link, time 0, 3 bytes, name of 5 with its
  // zero
  EXPECT_EQ(TextOf(bytes, 0, 110),
            "070701"
            "00000001"
            "000081ed"
            "00000000"
            "00000000"
            "00000001"
            "00000000"
            "00000003"
            "00000000"
            "00000000"
            "00000000"
            "00000000"
            "00000005"
            "00000000");
  EXPECT_EQ(TextOf(bytes, 110, 6), std::string("init\0\0", 6));
  EXPECT_EQ(TextOf(bytes, 116, 4), std::string("abc\0", 4));
  EXPECT_EQ(TextOf(bytes, 120 + 110, 10), "TRAILER!!!");
  EXPECT_EQ(bytes.size() % 4, 0u);
}

TEST(CpioWriter, MakesTheSameBytesTwice) {
  EXPECT_EQ(Sample(), Sample());
  CpioWriter archive;
  archive.AddFile("/x/y", 0644, "1");
  const auto first = archive.Finish();
  archive.AddFile("/x/y", 0644, "1");
  EXPECT_EQ(archive.Finish(), first);
}

TEST(CpioWriter, IsReadByCpio) {
  if (!test::HasTool("cpio")) GTEST_SKIP() << "cpio is not installed";
  const test::TemporaryFolder folder;
  folder.Write("archive", Sample());
  const auto listed = folder.Run("cpio --quiet -t < archive");
  EXPECT_EQ(listed.status, 0);
  EXPECT_EQ(listed.output, "proc\na\na/b\na/b/file\na/b/empty\na/link\ndev\ndev/console\n");
  const auto unpacked =
      folder.Run("mkdir out && cd out && cpio --quiet -i 'a*' 'proc' < ../archive && cat a/link");
  EXPECT_EQ(unpacked.output, "12345");
  struct stat info {};
  ASSERT_EQ(::stat((folder.path() / "out/a/b/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0640u);
}

}  // namespace
}  // namespace vmm::guest
