#include "vmm/boot/memory_map.h"

#include <gmock/gmock.h>

namespace vmm::boot {

void PrintTo(const MapEntry& entry, std::ostream* out) {
  *out << std::hex << entry.range.base << "+" << entry.range.size << " type "
       << static_cast<int>(entry.type);
}

namespace {

using testing::ElementsAre;

constexpr MapEntry kLow{{0, 0xa0000}, MapType::kRam};
constexpr MapEntry kAcpi{{0xe0000, 0x20000}, MapType::kAcpi};

TEST(MemoryMap, LeavesVideoMemoryAndTheAcpiAreaOut) {
  Layout layout;
  layout.ram = {{0, 256 * base::kMiB}};
  EXPECT_THAT(MemoryMap(layout),
              ElementsAre(kLow, kAcpi, MapEntry{{base::kMiB, 255 * base::kMiB}, MapType::kRam}));
}

TEST(MemoryMap, HasTheRamAboveTheHoleAndReservesTheConfigurationSpace) {
  Layout layout;
  layout.ram = {{0, 0xb0000000}, {4 * base::kGiB, base::kGiB}};
  layout.ecam = {0xb0000000, 256 * base::kMiB};
  EXPECT_THAT(
      MemoryMap(layout),
      ElementsAre(kLow, kAcpi, MapEntry{{base::kMiB, 0xb0000000 - base::kMiB}, MapType::kRam},
                  MapEntry{layout.ecam, MapType::kReserved},
                  MapEntry{{4 * base::kGiB, base::kGiB}, MapType::kRam}));
}

}  // namespace
}  // namespace vmm::boot
