// The walks over both capability lists: bytes of a device, nothing trusted.
#include "sysfs/capability.h"

#include <algorithm>
#include <set>

#include "tests/fuzz/input.h"

namespace {

void CheckList(const std::vector<sysfs::Capability>& list, size_t first, size_t end) {
  std::set<uint16_t> offsets;
  for (const sysfs::Capability& one : list) {
    test::Check(one.id != 0, "null capabilities are left out");
    test::Check(one.offset % 4 == 0, "a capability is aligned");
    test::Check(one.offset >= first && one.offset < end, "a capability is inside the space");
    test::Check(offsets.insert(one.offset).second, "each offset is visited once");
  }
}

// The list is switched on and its first pointer given, so that most inputs have one.
void EnableList(std::span<std::byte> config, uint8_t first) {
  base::StoreLe<uint16_t>(config, 0, 0x8086);
  base::StoreLe<uint16_t>(config, sysfs::registers::header::kStatus, 0x10);
  base::StoreLe<uint8_t>(config, sysfs::registers::header::kCapabilities, first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  const bool enable = input.ConsumeBool();
  const auto first = input.ConsumeIntegral<uint8_t>();
  const auto kind = input.ConsumeIntegral<uint8_t>();
  const bool whole = input.ConsumeBool();
  std::vector<std::byte> config = test::TakeRest(input);
  if (whole) config.resize(sysfs::kExtendedConfigSize);
  if (enable) EnableList(config, first);

  const auto list = sysfs::ListCapabilities(config);
  CheckList(list, sysfs::registers::header::kEnd, std::min(config.size(), sysfs::kConfigSize));
  const auto extended = sysfs::ListExtendedCapabilities(config);
  CheckList(extended, sysfs::kConfigSize, std::min(config.size(), sysfs::kExtendedConfigSize));

  const auto found = sysfs::FindCapability(config, static_cast<sysfs::CapabilityId>(kind));
  const bool listed = std::any_of(list.begin(), list.end(), [&](const sysfs::Capability& one) {
    return one.id == kind && one.offset == found;
  });
  test::Check(found.has_value() == listed, "what is found is in the list");
  sysfs::FindExtendedCapability(config, static_cast<sysfs::ExtendedId>(kind));
  return 0;
}
