#include "vmm/pci/bars.h"

#include <gmock/gmock.h>

#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kNone = 0;

const std::vector<BarInfo> kBars = {{0, BarKind::kMemory64, 16 * base::kKiB, false},
                                    {2, BarKind::kMemory32, 4 * base::kKiB, true},
                                    {3, BarKind::kIo, 32, false},
                                    {4, BarKind::kMemory64, 8 * base::kGiB, true}};

ConfigSpace MakeConfig(uint32_t command = 0) {
  ConfigSpace config(kConfigSize);
  config.Own(header::kCommand, Width::k2, command, 0xffff);
  OwnBarRegisters(config, kBars);
  return config;
}

uint32_t Size(ConfigSpace& config, uint16_t offset) {
  config.Write(offset, Width::k4, 0xffffffff);
  return config.Shadow(offset, Width::k4);
}

TEST(BarRegisters, SizeByAllOnes) {
  ConfigSpace config = MakeConfig();
  EXPECT_EQ(Size(config, 0x10), 0xffffc004u);
  EXPECT_EQ(Size(config, 0x14), 0xffffffffu);
  EXPECT_EQ(Size(config, 0x18), 0xfffff008u);
  EXPECT_EQ(Size(config, 0x1c), 0xffffffe1u);
  EXPECT_EQ(Size(config, 0x20), 0x0000000cu);
  EXPECT_EQ(Size(config, 0x24), 0xfffffffeu);
}

TEST(BarRegisters, AbsentOnesAreZero) {
  ConfigSpace config(kConfigSize);
  OwnBarRegisters(config, {});
  for (uint16_t offset = header::kBar0; offset < kBarsEnd;
       offset = static_cast<uint16_t>(offset + 4)) {
    EXPECT_EQ(Size(config, offset), kNone);
  }
}

TEST(DecodeBars, FollowsTheCommandRegister) {
  struct Case {
    uint32_t command;
    bool memory;
    bool io;
  };
  for (const Case& c :
       {Case{0, false, false}, Case{kCommandMemory, true, false}, Case{kCommandIo, false, true},
        Case{kCommandMemory | kCommandIo, true, true}}) {
    ConfigSpace config = MakeConfig(c.command);
    config.Write(0x18, Width::k4, 0xc0001000);
    config.Write(0x1c, Width::k4, 0xc020);
    const DecodedBars decoded = DecodeBars(config, kBars);
    EXPECT_EQ(decoded[2].has_value(), c.memory);
    EXPECT_EQ(decoded[3].has_value(), c.io);
  }
}

TEST(DecodeBars, HalvesOfA64BitBarComeInAnyOrder) {
  for (const bool high_first : {false, true}) {
    ConfigSpace config = MakeConfig(kCommandMemory);
    config.Write(high_first ? 0x14 : 0x10, Width::k4, high_first ? 0x80 : 0xd0004000);
    config.Write(high_first ? 0x10 : 0x14, Width::k4, high_first ? 0xd0004000 : 0x80);
    EXPECT_EQ(DecodeBars(config, kBars)[0], (base::Range{0x80'd0004000, 16 * base::kKiB}));
  }
}

TEST(DecodeBars, NothingWhileSizedOrUnassigned) {
  ConfigSpace config = MakeConfig(kCommandMemory | kCommandIo);
  for (const auto& bar : DecodeBars(config, kBars)) EXPECT_FALSE(bar);
  config.Write(0x14, Width::k4, 0xffffffff);
  config.Write(0x18, Width::k4, 0xffffffff);
  config.Write(0x1c, Width::k4, 0xffffffff);
  config.Write(0x20, Width::k4, 0xffffffff);
  config.Write(0x24, Width::k4, 0xffffffff);
  for (const auto& bar : DecodeBars(config, kBars)) EXPECT_FALSE(bar);
}

TEST(BarRegisters, TheRomHasAnEnableBitAndNoFlags) {
  const std::vector<BarInfo> rom = {{kRomBar, BarKind::kMemory32, 0x8000, false}};
  ConfigSpace config(kConfigSize);
  config.Own(header::kCommand, Width::k2, 2, 0xffff);
  OwnBarRegisters(config, rom);
  EXPECT_EQ(Size(config, header::kRom), 0xffff8001u);
  EXPECT_FALSE(DecodeBars(config, rom)[kRomBar]);
  config.Write(header::kRom, Width::k4, 0xc0000000);
  EXPECT_FALSE(DecodeBars(config, rom)[kRomBar]);
  config.Write(header::kRom, Width::k4, 0xc0000001);
  EXPECT_EQ(DecodeBars(config, rom)[kRomBar], (base::Range{0xc0000000, 0x8000}));
  config.Write(header::kCommand, Width::k2, 1);
  EXPECT_FALSE(DecodeBars(config, rom)[kRomBar]);
  OwnBarRegisters(config, kBars);
  EXPECT_EQ(Size(config, header::kRom), kNone);
}

TEST(PlanBarChanges, DeactivatesBeforeItActivates) {
  DecodedBars before;
  before[0] = base::Range{0x1000, 0x1000};
  before[2] = base::Range{0x3000, 0x1000};
  before[4] = base::Range{0x5000, 0x1000};
  DecodedBars after = before;
  EXPECT_THAT(PlanBarChanges(before, after), IsEmpty());
  after[0] = base::Range{0x3000, 0x1000};
  after[2] = base::Range{0x1000, 0x1000};
  EXPECT_THAT(
      PlanBarChanges(before, after),
      ElementsAre(BarChange{0, {0x1000, 0x1000}, false}, BarChange{2, {0x3000, 0x1000}, false},
                  BarChange{0, {0x3000, 0x1000}, true}, BarChange{2, {0x1000, 0x1000}, true}));
  EXPECT_THAT(PlanBarChanges({}, before).size(), 3u);
  EXPECT_THAT(PlanBarChanges(before, {}).size(), 3u);
}

TEST(BarAlignment, KeepsMemoryBarsOnPagesOfTheirOwn) {
  EXPECT_EQ(BarAlignment({0, BarKind::kMemory32, 128, false}), base::kPageSize);
  EXPECT_EQ(BarAlignment({0, BarKind::kMemory32, base::kMiB, false}), base::kMiB);
  EXPECT_EQ(BarAlignment({0, BarKind::kIo, 32, false}), 32u);
}

}  // namespace
}  // namespace vmm::pci
