#include "vmm/acpi/table.h"

#include <cstring>

namespace vmm::acpi {
namespace {

constexpr size_t kLength = 4;
constexpr size_t kRevision = 8;
constexpr size_t kChecksum = 9;
constexpr size_t kOemId = 10;
constexpr size_t kOemTableId = 16;
constexpr size_t kOemRevision = 24;
constexpr size_t kCreatorId = 28;
constexpr size_t kCreatorRevision = 32;

}  // namespace

uint8_t Sum(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += static_cast<unsigned>(byte);
  return static_cast<uint8_t>(sum);
}

Table::Table(std::string_view signature, uint8_t revision, size_t size) : bytes_(size) {
  std::memcpy(bytes_.data(), signature.data(), 4);
  Set<uint8_t>(kRevision, revision);
  std::memcpy(bytes_.data() + kOemId, "VASSGN", 6);
  std::memcpy(bytes_.data() + kOemTableId, "VMM     ", 8);
  Set<uint32_t>(kOemRevision, 1);
  std::memcpy(bytes_.data() + kCreatorId, "VMM ", 4);
  Set<uint32_t>(kCreatorRevision, 1);
}

void Table::AppendBytes(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::vector<std::byte> Table::Finish() const {
  std::vector<std::byte> bytes = bytes_;
  base::StoreLe<uint32_t>(bytes, kLength, static_cast<uint32_t>(bytes.size()));
  base::StoreLe<uint8_t>(bytes, kChecksum, 0);
  base::StoreLe<uint8_t>(bytes, kChecksum, static_cast<uint8_t>(-Sum(bytes)));
  return bytes;
}

}  // namespace vmm::acpi
