#include "tests/support/real_kvm.h"

#include <gtest/gtest.h>

#include <array>

#include "sysfs/base/address.h"
#include "sysfs/base/kernel.h"

namespace test {
namespace {

constexpr uint64_t kTopTable = 0x10000;
constexpr uint64_t kSegments = 0x4000;
constexpr uint64_t kPresentWritable = 0x3;
constexpr uint64_t kLargePage = 0x83;

void MakePageTables(const vmm::GuestMemory& memory) {
  const auto store = [&](uint64_t address, uint64_t value) {
    EXPECT_TRUE(memory.StoreValue(base::GuestPhys{address}, value).has_value());
  };
  store(kTopTable, (kTopTable + 0x1000) | kPresentWritable);
  for (uint64_t gib = 0; gib < 4; ++gib) {
    const uint64_t directory = kTopTable + 0x2000 + gib * 0x1000;
    store(kTopTable + 0x1000 + gib * 8, directory | kPresentWritable);
    for (uint64_t page = 0; page < 512; ++page)
      store(directory + page * 8, gib << 30 | page << 21 | kLargePage);
  }
}

// The selectors that a guest is entered with: code at 0x10, data at 0x18.
void MakeSegments(const vmm::GuestMemory& memory) {
  const std::array<uint64_t, 5> descriptors = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0};
  EXPECT_TRUE(memory.StoreValue(base::GuestPhys{kSegments}, descriptors).has_value());
}

}  // namespace

std::shared_ptr<const vmm::kvm::System> OpenRealKvm() {
  auto system = vmm::kvm::System::Open(base::HostKernel());
  if (system) return *system;
  const base::Code code = system.error().code();
  EXPECT_TRUE(code == base::Code::kUnsupported || code == base::Code::kDenied)
      << system.error().message();
  return nullptr;
}

vmm::GuestMemory MakeGuest(std::span<const uint8_t> code) {
  const std::array ram = {base::Range{0, 4 * base::kMiB}};
  auto memory = vmm::GuestMemory::Create(ram);
  EXPECT_TRUE(memory.has_value());
  MakePageTables(*memory);
  MakeSegments(*memory);
  EXPECT_TRUE(memory->Store(base::GuestPhys{kCodeAddress}, std::as_bytes(code)).has_value());
  return std::move(*memory);
}

vmm::boot::EntryState Enter(vmm::boot::Protocol protocol) {
  vmm::boot::EntryState entry;
  entry.protocol = protocol;
  entry.rip = kCodeAddress;
  entry.rsp = kStackAddress;
  entry.cr3 = kTopTable;
  entry.gdt = base::GuestPhys{kSegments};
  entry.gdt_limit = 0x27;
  return entry;
}

}  // namespace test
