#include "vmm/virtio/blk/image.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <thread>

#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace vmm::virtio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

class ImageTest : public testing::Test {
 protected:
  std::string File(const std::string& name, off_t size, const std::string& start = "") {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << start;
    EXPECT_EQ(::truncate(path.c_str(), size), 0);
    return path;
  }
  static ImageOptions Options(const std::string& file, bool readonly = false) {
    ImageOptions options;
    options.file = file;
    options.readonly = readonly;
    options.lock_patience = std::chrono::milliseconds(50);
    return options;
  }
  test::TempFolder folder_{test::OnDisk()};
};

TEST_F(ImageTest, AFileIsItsSectors) {
  const auto image = OpenImage(Options(File("disk", 10 * 512 + 100)));
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->sectors, 10u) << "whole ones";
  EXPECT_EQ(image->block_size, 512u);
  EXPECT_FALSE(image->block_device);
  EXPECT_THAT(CheckImage(Options(File("other", 1024))), test::IsOkAnd(1024u));
}

TEST_F(ImageTest, WhatCannotBeADiskIsRefusedByName) {
  const auto refused = [&](const std::string& file, std::string_view cause) {
    const auto image = OpenImage(Options(file));
    EXPECT_THAT(image, FailsWith(Code::kUsage, testing::AllOf(HasSubstr(file), HasSubstr(cause))));
    if (!image) {
      EXPECT_NE(image.error().hint(), "") << file;
    }
  };
  refused(folder_.path(), "directory");
  refused("/dev/null", "character device");
  const std::string fifo = folder_.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  refused(fifo, "FIFO");
  refused(File("empty", 0), "empty");
  refused(File("small", 511), "511 bytes");
  refused(File("q", 4096, "QFI\xfb"), "qcow2");
  refused(File("v", 4096, "vhdxfile"), "vhdx");
  EXPECT_THAT(OpenImage(Options(folder_.path() + "/none")), FailsWith(Code::kNotFound));
  ImageOptions raw = Options(File("r", 4096, "QFI\xfb"));
  raw.raw = true;
  EXPECT_THAT(OpenImage(raw), IsOk());
}

// In a process of its own, which is not root's any longer.
TEST_F(ImageTest, AFileWithoutRightsIsDenied) {
  const std::string file = File("disk", 4096);
  ::chmod(folder_.path().c_str(), 0755);
  ::chmod(file.c_str(), 0444);
  const auto denied = [&] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return false;
    const auto image = OpenImage(Options(file));
    return !image && image.error().code() == Code::kDenied &&
           image.error().hint().find("readonly") != std::string::npos &&
           OpenImage(Options(file, true)).has_value();
  };
  EXPECT_EXIT(::_exit(denied() ? 0 : 1), testing::ExitedWithCode(0), "");
}

TEST_F(ImageTest, OneWriterOrManyReaders) {
  const std::string file = File("disk", 4096);
  {
    const auto writer = OpenImage(Options(file));
    ASSERT_THAT(writer, IsOk());
    EXPECT_THAT(OpenImage(Options(file)), FailsWith(Code::kInUse, HasSubstr(file)));
    EXPECT_THAT(OpenImage(Options(file, true)), FailsWith(Code::kInUse));
  }
  const auto reader = OpenImage(Options(file, true));
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT(OpenImage(Options(file, true)), IsOk());
  EXPECT_THAT(OpenImage(Options(file)), FailsWith(Code::kInUse));
}

// Who has it is named, and a machine that is just ending is waited for.
TEST_F(ImageTest, ASecondTryAtTheLocks) {
  const std::string file = File("disk", 4096);
  auto holder = std::make_optional(OpenImage(Options(file)));
  ASSERT_THAT(*holder, IsOk());
  // A process of its own, as this one is not named to itself.
  const pid_t child = ::fork();
  if (child == 0) {
    const auto refused = OpenImage(Options(file));
    const std::string name = "(process " + std::to_string(::getppid()) + ")";
    const bool named = !refused && refused.error().code() == Code::kInUse &&
                       refused.error().message().find(name) != std::string::npos;
    ::_exit(named ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  std::thread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    holder.reset();
  });
  ImageOptions patient = Options(file);
  patient.lock_patience = std::chrono::seconds(20);
  EXPECT_THAT(OpenImage(patient), IsOk());
  ends.join();
}

// The bytes that QEMU's raw driver uses.
TEST_F(ImageTest, LocksGoWithQemu) {
  EXPECT_EQ(PlanLocks(false), (LockPlan{{100, 101, 201}, {200, 201, 101}}));
  EXPECT_EQ(PlanLocks(true), (LockPlan{{100, 201}, {200, 101}}));
  const std::string file = File("disk", 4096);
  const base::Fd other(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 201;  // "nobody else may write"
  lock.l_len = 1;
  ASSERT_EQ(::fcntl(other.raw(), F_OFD_SETLK, &lock), 0);
  EXPECT_THAT(OpenImage(Options(file)), FailsWith(Code::kInUse));
  EXPECT_THAT(OpenImage(Options(file, true)), IsOk());
}

}  // namespace
}  // namespace vmm::virtio
