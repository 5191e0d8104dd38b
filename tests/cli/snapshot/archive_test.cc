#include "cli/snapshot/archive.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

Recording Some() {
  Recording recording;
  recording.files["/sys/devices/a/uevent"] = "DRIVER=nvme";
  recording.files["/sys/devices/a/config"] = std::string("\x00\x01", 2);
  recording.links["/sys/bus/a"] = "../devices/a";
  recording.folders = {"/sys/devices/a", "/sys/bus", "/dev/kvm"};
  return recording;
}

std::string Content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Archive : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  test::TempFolder folder_;
};

TEST_F(Archive, ComesBackAsItWas) {
  for (const char* suffix : {".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst"}) {
    const std::string file = Path(std::string("host") + suffix);
    ASSERT_THAT(WriteArchive(Some(), file, {}), IsOk()) << suffix;
    const auto unpacked = UnpackedSnapshot::Open(file);
    ASSERT_THAT(unpacked, IsOk()) << suffix;
    const fs::path root = unpacked->folder();
    EXPECT_EQ(Content(root / "sys/bus/a/uevent"), "DRIVER=nvme");
    EXPECT_EQ(Content(root / "sys/devices/a/config"), std::string("\x00\x01", 2));
    EXPECT_TRUE(fs::is_directory(root / "dev/kvm"));
  }
}

TEST_F(Archive, IsGoneWithItsOwner) {
  ASSERT_THAT(WriteArchive(Some(), Path("a.tar"), {}), IsOk());
  std::string root;
  {
    const auto unpacked = UnpackedSnapshot::Open(Path("a.tar"));
    root = unpacked->folder();
    EXPECT_TRUE(fs::exists(root));
  }
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(Archive, SuffixHasToSayWhatItIs) {
  EXPECT_THAT(WriteArchive(Some(), Path("host.zip"), {}),
              FailsWith(base::Code::kUsage, HasSubstr("host.zip")));
}

TEST_F(Archive, AnExistingFileStaysUnlessToldOtherwise) {
  std::ofstream(Path("a.tar")) << "mine";
  EXPECT_THAT(WriteArchive(Some(), Path("a.tar"), {}),
              FailsWith(base::Code::kUsage, HasSubstr("exists already")));
  EXPECT_EQ(Content(Path("a.tar")), "mine");
  ASSERT_THAT(WriteArchive(Some(), Path("a.tar"), {.overwrite = true}), IsOk());
  EXPECT_THAT(UnpackedSnapshot::Open(Path("a.tar")), IsOk());
}

TEST_F(Archive, FolderThatIsNotThereIsNamed) {
  EXPECT_THAT(WriteArchive(Some(), Path("no/a.tar"), {}),
              FailsWith(base::Code::kNotFound, HasSubstr(folder_.path() + "/no/")));
}

TEST_F(Archive, NothingIsLeftOfAFailure) {
  fs::create_directory(Path("a.tar"));
  EXPECT_FALSE(WriteArchive(Some(), Path("a.tar"), {.overwrite = true}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
}

TEST_F(Archive, AWriteThatFailsSaysWhy) {
  Recording large = Some();
  large.files["/sys/large"] = std::string(1 << 20, 'x');
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const base::Status written = WriteArchive(large, Path("a.tar"), {});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(written, FailsWith(base::Code::kKernel, HasSubstr("a.tar: Write error: File too")));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(Archive, WithoutScrubbingIsForItsOwner) {
  struct stat status = {};
  ASSERT_THAT(WriteArchive(Some(), Path("a.tar"), {.is_private = true}), IsOk());
  ASSERT_EQ(::stat(Path("a.tar").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Archive, OtherFilesAreRefused) {
  std::ofstream(Path("text.tar")) << "no archive\n";
  std::ofstream(Path("empty.tar")) << "";
  for (const char* name : {"text.tar", "empty.tar"})
    EXPECT_THAT(UnpackedSnapshot::Open(Path(name)),
                FailsWith(base::Code::kUsage, HasSubstr("no archive")))
        << name;
}

TEST_F(Archive, CutShortIsRefused) {
  ASSERT_THAT(WriteArchive(Some(), Path("a.tar.xz"), {}), IsOk());
  const std::string whole = Content(Path("a.tar.xz"));
  for (size_t size = 0; size < whole.size(); size += 16) {
    std::ofstream(Path("cut.tar"), std::ios::binary) << whole.substr(0, size);
    EXPECT_FALSE(UnpackedSnapshot::Open(Path("cut.tar"))) << size;
  }
}

TEST_F(Archive, DoesNotLeadOutOfItsFolder) {
  Recording out = Some();
  out.files["/../escaped"] = "x";
  ASSERT_THAT(WriteArchive(out, Path("out.tar"), {}), IsOk());
  EXPECT_THAT(UnpackedSnapshot::Open(Path("out.tar")),
              FailsWith(base::Code::kUsage, HasSubstr("leads out")));
}

TEST_F(Archive, NothingIsWrittenThroughALink) {
  Recording first;
  first.links["/sys"] = folder_.path();
  Recording second;
  second.files["/sys/escaped"] = "x";
  ASSERT_THAT(WriteArchive(first, Path("1.tar"), {}), IsOk());
  ASSERT_THAT(WriteArchive(second, Path("2.tar"), {}), IsOk());
  fs::create_directory(Path("into"));
  ASSERT_THAT(UnpackArchive(Path("1.tar"), Path("into")), IsOk());
  EXPECT_FALSE(UnpackArchive(Path("2.tar"), Path("into")));
  EXPECT_FALSE(fs::exists(Path("escaped")));
}

}  // namespace
}  // namespace cli
