#include "vmm/assigned/hardware.h"

#include <array>
#include <cstring>
#include <span>

namespace vmm::assigned {

uint64_t Hardware::Read(uint32_t region, uint64_t offset, Width width) {
  std::array<std::byte, 8> bytes{};
  const auto size = static_cast<size_t>(width);
  if (const auto status = device_.Read(region, offset, std::span(bytes).first(size)); !status) {
    log_.Log(base::Level::kWarning, "{} (the guest reads all ones)", status.error().message());
    return AllOnes(width);
  }
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void Hardware::Write(uint32_t region, uint64_t offset, Width width, uint64_t value) {
  std::array<std::byte, 8> bytes{};
  std::memcpy(bytes.data(), &value, sizeof value);
  const auto size = static_cast<size_t>(width);
  if (const auto status = device_.Write(region, offset, std::span(bytes).first(size)); !status) {
    log_.Log(base::Level::kWarning, "{} (the guest's write is lost)", status.error().message());
  }
}

uint32_t Hardware::ReadConfig(uint16_t offset, Width width) {
  return static_cast<uint32_t>(Read(vfio::kConfigRegion, offset, width));
}

void Hardware::WriteConfig(uint16_t offset, Width width, uint32_t value) {
  Write(vfio::kConfigRegion, offset, width, value);
}

uint64_t Hardware::ReadBar(unsigned index, uint64_t offset, Width width) {
  return Read(vfio::kBar0Region + index, offset, width);
}

void Hardware::WriteBar(unsigned index, uint64_t offset, Width width, uint64_t value) {
  Write(vfio::kBar0Region + index, offset, width, value);
}

}  // namespace vmm::assigned
