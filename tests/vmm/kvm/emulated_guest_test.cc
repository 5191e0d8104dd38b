// Whole machines on this machine's own KVM whose tiny guest drives emulated devices.
#include <fcntl.h>
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <random>

#include "sysfs/base/kernel.h"
#include "tests/guest/checksum.h"
#include "tests/support/matchers.h"
#include "tests/support/real_kvm.h"
#include "tests/support/temp_folder.h"
#include "vmm/machine.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::HasSubstr;
using testing::Not;

class EmulatedGuestTest : public testing::Test {
 protected:
  void SetUp() override {
    if (test::OpenRealKvm() == nullptr)
      GTEST_SKIP() << "/dev/kvm is not there or may not be opened";
    disk_ = folder_.path() + "/disk";
    std::mt19937_64 random(1);
    content_.resize(size_t{1} << 20);
    for (char& one : content_) one = static_cast<char>(random());
    std::ofstream(disk_, std::ios::binary) << content_;
  }
  // What the guest said until it was off.
  std::string Run(const std::string& commands, Options options = {}) {
    options.kernel = TINY_GUEST;
    options.memory_bytes = 64 * base::kMiB;
    options.append = "-- " + commands + "; poweroff";
    options.console = folder_.path() + "/console";
    options.seccomp = confinement::Mode::kOff;  // the process is the test's
    const auto tree = sysfs::HostTree();
    auto machine = Machine::Create(base::HostKernel(), *tree, options, {});
    EXPECT_THAT(machine, IsOk());
    if (!machine) return "";
    EXPECT_THAT((*machine)->Run(), test::IsOkAnd(0));
    machine->reset();
    std::ifstream said(options.console);
    return {std::istreambuf_iterator<char>(said), {}};
  }
  Options WithDisk(bool readonly = false) const {
    Options options;
    options.disks.emplace_back();
    options.disks.back().image.file = disk_;
    options.disks.back().image.readonly = readonly;
    options.disks.back().serial = "tiny-1";
    return options;
  }
  static std::string Crc(std::string_view bytes) {
    uint32_t crc = ~0u;
    for (const char one : bytes) crc = ::guest::AddToChecksum(crc, static_cast<uint8_t>(one));
    return fmt::format("{:08x}", ~crc);
  }
  std::string OnDisk() const {
    std::ifstream disk(disk_, std::ios::binary);
    return {std::istreambuf_iterator<char>(disk), {}};
  }

  test::TempFolder folder_{test::OnDisk()};
  std::string disk_;
  std::string content_;
};

TEST_F(EmulatedGuestTest, ReadsADiskByEachInterrupt) {
  const std::string first = Crc(std::string_view(content_).substr(0, 256 * 512));
  for (const std::string mode : {"poll", "msix", "pin"}) {
    const std::string said =
        Run("blk start " + mode + "; blk read 0 256; blk count; blk id", WithDisk());
    EXPECT_THAT(said, HasSubstr("started, sectors 2048")) << mode;
    EXPECT_THAT(said, HasSubstr("read, crc32 " + first)) << mode;
    EXPECT_THAT(said, HasSubstr("serial tiny-1")) << mode;
    EXPECT_THAT(said, Not(HasSubstr("failed"))) << mode;
    if (mode == "msix") {
      EXPECT_THAT(said, HasSubstr("interrupts 16"));
    }
  }
}

TEST_F(EmulatedGuestTest, WhatItWritesIsThere) {
  const std::string said = Run(
      "blk start msix; blk write 100 64 7; blk flush; blk zero 300 8; blk read 100 64; blk reset; "
      "blk start poll noflush; blk read 100 64; blk write 500 1 9",
      WithDisk());
  const std::string now = OnDisk();
  const std::string written = Crc(std::string_view(now).substr(100 * 512, 64 * 512));
  EXPECT_THAT(said, HasSubstr("wrote, crc32 " + written));
  EXPECT_THAT(said, HasSubstr("read, crc32 " + written));
  EXPECT_THAT(said, Not(HasSubstr("failed")));
  EXPECT_EQ(now.substr(300 * 512, 8 * 512), std::string(8 * 512, '\0'));
  EXPECT_EQ(now.substr(0, 100 * 512), content_.substr(0, 100 * 512));
  EXPECT_EQ(now.size(), content_.size());
}

TEST_F(EmulatedGuestTest, AReadOnlyDiskStaysAsItIs) {
  const std::string said = Run("blk start poll; blk refused 0; blk read 0 8", WithDisk(true));
  EXPECT_THAT(said, HasSubstr("blk: refused"));
  EXPECT_THAT(said, Not(HasSubstr("failed")));
  EXPECT_EQ(OnDisk(), content_);
}

TEST_F(EmulatedGuestTest, RandomNumbersAndTwoDisks) {
  Options options = WithDisk();
  options.rng = true;
  const std::string other = folder_.path() + "/other";
  std::ofstream(other) << std::string(4096, 'x');
  options.disks.emplace_back();
  options.disks.back().image.file = other;
  const std::string said = Run("rng 4096; pci; blk start msix; blk read 0 8", options);
  EXPECT_THAT(said, HasSubstr("rng: bytes 4096, random"));
  EXPECT_THAT(said, HasSubstr("01:00.0 1af4:1042"));
  EXPECT_THAT(said, HasSubstr("02:00.0 1af4:1042"));
  EXPECT_THAT(said, HasSubstr("03:00.0 1af4:1044"));
  EXPECT_THAT(said, Not(HasSubstr("failed")));
}

TEST_F(EmulatedGuestTest, OneImageIsForOneMachine) {
  Options options = WithDisk();
  options.disks.push_back(options.disks.front());
  options.kernel = TINY_GUEST;
  options.memory_bytes = 64 * base::kMiB;
  options.console = folder_.path() + "/console";
  options.seccomp = confinement::Mode::kOff;
  const auto tree = sysfs::HostTree();
  EXPECT_THAT(Machine::Create(base::HostKernel(), *tree, options, {}),
              test::FailsWith(base::Code::kInUse, HasSubstr(disk_)));
}

}  // namespace
}  // namespace vmm
