#include "sriov/nvme_virtualization.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/bits.h"

namespace sriov {
namespace {

using base::LoadLe;

NvmeFlexible ParseFlexible(std::span<const std::byte> bytes, size_t start) {
  NvmeFlexible result;
  result.total = LoadLe<uint32_t>(bytes, start);
  result.assigned = LoadLe<uint32_t>(bytes, start + 4);
  result.primary = LoadLe<uint16_t>(bytes, start + 8);
  result.fixed = LoadLe<uint16_t>(bytes, start + 10);
  result.most = LoadLe<uint16_t>(bytes, start + 12);
  result.granularity = LoadLe<uint16_t>(bytes, start + 14);
  return result;
}

}  // namespace

std::string Format(const NvmeCommand& command, const std::string& node) {
  std::string text = fmt::format("nvme virt-mgmt {} -c {} -a {}", node, command.controller,
                                 static_cast<int>(command.action));
  const bool counts =
      command.action == NvmeAction::kPrimaryFlexible || command.action == NvmeAction::kAssign;
  if (counts)
    text += fmt::format(" -r {} -n {}", static_cast<int>(command.resource), command.count);
  return text;
}

bool HasVirtualization(std::span<const std::byte> identify_controller) {
  constexpr size_t kOacs = 256;
  using VirtualizationManagement = base::Field<7>;
  if (identify_controller.size() < kOacs + 2) return false;
  return VirtualizationManagement::Get(LoadLe<uint16_t>(identify_controller, kOacs)) != 0;
}

NvmePrimary ParsePrimary(std::span<const std::byte> capabilities) {
  constexpr size_t kTypes = 4;  // CRT
  NvmePrimary result;
  if (capabilities.size() < kNvmeIdentifySize) return result;
  result.controller = LoadLe<uint16_t>(capabilities, 0);
  const auto types = LoadLe<uint8_t>(capabilities, kTypes);
  if ((types & 1) != 0) result.queues = ParseFlexible(capabilities, 32);
  if ((types & 2) != 0) result.interrupts = ParseFlexible(capabilities, 64);
  return result;
}

std::vector<NvmeSecondary> ParseSecondaries(std::span<const std::byte> list) {
  constexpr size_t kEntry = 32;  // bytes, also of what stands before the first one
  std::vector<NvmeSecondary> all;
  if (list.size() < kEntry) return all;
  const size_t count = std::min<size_t>(LoadLe<uint8_t>(list, 0), (list.size() - kEntry) / kEntry);
  for (size_t i = 0; i < count; ++i) {
    const auto entry = list.subspan(kEntry * (i + 1), kEntry);
    NvmeSecondary one;
    one.controller = LoadLe<uint16_t>(entry, 0);
    one.online = (LoadLe<uint8_t>(entry, 4) & 1) != 0;
    one.function = LoadLe<uint16_t>(entry, 8);
    one.queues = LoadLe<uint16_t>(entry, 10);
    one.interrupts = LoadLe<uint16_t>(entry, 12);
    all.push_back(one);
  }
  return all;
}

}  // namespace sriov
