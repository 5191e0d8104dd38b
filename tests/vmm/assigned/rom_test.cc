#include "vmm/assigned/rom.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <random>

#include "sysfs/base/bits.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace vmm::assigned {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr RomOwner kOwner{0x1234, 0x1111};

// An image of so many units of 512 bytes at `at`.
void AddImage(std::vector<std::byte>& rom, uint16_t units, bool last, RomOwner owner = kOwner) {
  const size_t at = rom.size();
  rom.resize(at + size_t{units} * 512);
  base::StoreLe<uint16_t>(rom, at, 0xaa55);
  base::StoreLe<uint16_t>(rom, at + 0x18, 0x1c);
  base::StoreLe<uint32_t>(rom, at + 0x1c, 0x52494350);
  base::StoreLe<uint16_t>(rom, at + 0x20, owner.vendor);
  base::StoreLe<uint16_t>(rom, at + 0x22, owner.device);
  base::StoreLe<uint16_t>(rom, at + 0x2c, units);
  base::StoreLe<uint8_t>(rom, at + 0x31, last ? 0x80 : 0);
}

TEST(CheckRom, AGoodOneHasNoWarnings) {
  std::vector<std::byte> rom;
  AddImage(rom, 2, false);
  AddImage(rom, 4, true);
  EXPECT_THAT(CheckRom(rom, kOwner).value(), IsEmpty());
  rom.resize(rom.size() + 512, std::byte{0xff});  // padding
  EXPECT_THAT(CheckRom(rom, kOwner).value(), IsEmpty());
}

TEST(CheckRom, WhatIsNoRomIsRefused) {
  std::vector<std::byte> rom;
  AddImage(rom, 2, true);
  std::vector<std::byte> other = rom;
  other[1] = std::byte{0};
  EXPECT_THAT(CheckRom(other, kOwner), FailsWith(base::Code::kUsage, HasSubstr("55 AA")));
  EXPECT_THAT(CheckRom(std::span(rom).first(3), kOwner), FailsWith(base::Code::kUsage));
  EXPECT_THAT(CheckRom(std::span(rom).first(1000), kOwner),
              FailsWith(base::Code::kUsage, HasSubstr("1000 bytes of 1024")));
  base::StoreLe<uint16_t>(rom, 0x2c, 0);
  EXPECT_THAT(CheckRom(rom, kOwner), FailsWith(base::Code::kUsage));
}

TEST(CheckRom, WhatIsOddIsSaid) {
  std::vector<std::byte> rom;
  AddImage(rom, 2, true, {0x8086, 0x10d3});
  EXPECT_THAT(CheckRom(rom, kOwner).value(),
              ElementsAre(HasSubstr("for 8086:10d3, the card is 1234:1111")));
  base::StoreLe<uint16_t>(rom, 0x18, 0xffff);
  EXPECT_THAT(CheckRom(rom, kOwner).value(), ElementsAre(HasSubstr("no PCI data structure")));
  rom.clear();
  AddImage(rom, 2, false);
  rom.resize(4096);
  EXPECT_THAT(CheckRom(rom, kOwner).value(), ElementsAre(HasSubstr("no image at 0x400")));
}

TEST(CheckRom, RandomBytesComeToAnEnd) {
  std::mt19937 random(3);
  for (unsigned round = 0; round < 20000; ++round) {
    std::vector<std::byte> rom;
    for (unsigned i = 0; i < 4; ++i) AddImage(rom, static_cast<uint16_t>(1 + random() % 3), i == 3);
    for (unsigned i = 0; i < 4; ++i) {
      rom[random() % 2 == 0 ? random() % 0x40 : random() % rom.size()] =
          static_cast<std::byte>(random());
    }
    rom.resize(random() % (rom.size() + 1));
    const auto result = CheckRom(rom, kOwner);
    ASSERT_TRUE(result || result.error().code() == base::Code::kUsage);
  }
}

TEST(ReadRomFile, OtherKindsOfFilesAreRefusedByName) {
  const test::TempFolder folder;
  const std::string path = folder.path() + "/rom";
  EXPECT_THAT(ReadRomFile(path, kOwner), FailsWith(base::Code::kUsage, HasSubstr(path)));
  EXPECT_THAT(ReadRomFile(folder.path(), kOwner),
              FailsWith(base::Code::kUsage, HasSubstr("is a directory")));
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(ReadRomFile(path, kOwner),
              FailsWith(base::Code::kUsage, HasSubstr("not a regular file")));
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const auto write = [&](std::span<const std::byte> bytes, off_t size) {
    const auto fd = base::OpenFile(path, O_RDWR | O_CREAT | O_TRUNC);
    ASSERT_THAT(base::WriteAllAt(*fd, bytes, 0), IsOk());
    ASSERT_EQ(::ftruncate(fd->raw(), size), 0);
  };
  write({}, 0);
  EXPECT_THAT(ReadRomFile(path, kOwner), FailsWith(base::Code::kUsage, HasSubstr("empty")));
  write({}, static_cast<off_t>(kMostRomBytes) + 1);
  EXPECT_THAT(ReadRomFile(path, kOwner), FailsWith(base::Code::kUsage, HasSubstr("at most 16")));
  std::vector<std::byte> rom;
  AddImage(rom, 2, true);
  write(rom, 1024);
  EXPECT_EQ(ReadRomFile(path, kOwner).value(), rom);
}

TEST(RomBar, IsAPowerOfTwoOfWholePages) {
  EXPECT_FALSE(RomBar(0));
  EXPECT_EQ(RomBar(1)->size, 4096u);
  EXPECT_EQ(RomBar(0xa000)->size, 0x10000u);
  EXPECT_EQ(RomBar(kMostRomBytes)->size, kMostRomBytes);
  EXPECT_FALSE(RomBar(kMostRomBytes + 1));
  EXPECT_FALSE(RomBar(UINT64_MAX));
}

TEST(RomRequest, IsAFileOrOff) {
  EXPECT_TRUE(ParseRomRequest("off")->off);
  EXPECT_EQ(ParseRomRequest("./off")->file, "./off");
  EXPECT_THAT(ParseRomRequest(""), FailsWith(base::Code::kUsage));
}

TEST(FillRom, IsTheFilesOrTheDevicesAndElseAllOnes) {
  test::ScriptedKernel kernel;
  test::FakeVfioDevice fake;
  fake.AddRegion(vfio::kRomRegion, 0x1800, test::kReadOnly);
  fake.SetRegionBytes(vfio::kRomRegion, 0x17ff, std::vector{std::byte{0x5a}});
  const vfio::Device device = std::move(*fake.Open(kernel));
  const base::Mapping own = std::move(*FillRom(device, 0x2000, {}));
  EXPECT_EQ(own.bytes()[0x17ff], std::byte{0x5a});
  EXPECT_EQ(own.bytes()[0x1800], std::byte{0xff});
  const std::vector<std::byte> file(100, std::byte{0x11});
  const base::Mapping given = std::move(*FillRom(device, 0x1000, file));
  EXPECT_EQ(given.bytes()[99], std::byte{0x11});
  EXPECT_EQ(given.bytes()[100], std::byte{0xff});
}

}  // namespace
}  // namespace vmm::assigned
