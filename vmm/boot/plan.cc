#include "vmm/boot/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "vmm/boot/boot_params.h"
#include "vmm/boot/gdt.h"
#include "vmm/boot/low_memory.h"
#include "vmm/boot/memory_map.h"
#include "vmm/boot/page_tables.h"
#include "vmm/boot/start_info.h"

namespace vmm::boot {
namespace {

// A Debian 6.12 kernel with two processors has 17 MiB left when its command runs in a guest that is
// 10 MiB larger than kernel and initrd.
constexpr uint64_t kWorkingMemory = 16 * base::kMiB;
constexpr uint64_t kMemoryStep = 2 * base::kMiB;

void AddMade(BootPlan& plan, uint64_t address, std::vector<std::byte> bytes) {
  const base::Range memory{address, bytes.size()};
  plan.pieces.push_back({memory, Origin::kMade, {}, std::move(bytes)});
}

void AddInitrd(BootPlan& plan, const base::Range& place) {
  if (!place.empty()) plan.pieces.push_back({place, Origin::kInitrd, {0, place.size}, {}});
}

// The RAM below the hole, where everything goes that is needed at the start.
base::Result<base::Range> LowRam(const Layout& layout, uint64_t kernel_end) {
  if (layout.ram.empty() || layout.ram.front().base != 0) {
    return base::Fail(base::Code::kInternal, "the guest has no RAM at address 0");
  }
  if (kernel_end > layout.ram.front().end()) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("the kernel needs RAM up to {:#x}, the guest's first RAM ends at "
                                  "{:#x}",
                                  kernel_end, layout.ram.front().end()));
  }
  return layout.ram.front();
}

// As high as it may be, so that it is out of the way of a kernel that moves itself.
base::Result<base::Range> PlaceInitrd(uint64_t size, uint64_t floor, uint64_t ceiling) {
  if (size == 0) return base::Range{};
  if (size <= ceiling) {
    const uint64_t address = base::AlignDown(ceiling - size, base::kPageSize);
    if (address >= floor) return base::Range{address, size};
  }
  return base::Fail(
      base::Code::kUsage,
      fmt::format("the initrd ({}) does not fit between the kernel's end at {:#x} and {:#x}",
                  base::FormatSize(size), floor, ceiling));
}

// `limit` is without the terminating zero.
base::Status AddCommandLine(BootPlan& plan, std::string_view text, uint64_t limit) {
  limit = std::min(limit, kCommandLineLimit - 1);
  if (text.size() > limit) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("the kernel's command line has {} bytes, this kernel takes {}",
                                  text.size(), limit));
  }
  if (std::ranges::any_of(text, [](char c) { return c == '\0' || c == '\n'; })) {
    return base::Fail(base::Code::kUsage, "the kernel's command line holds a zero or a line feed");
  }
  std::vector<std::byte> bytes(text.size() + 1);
  std::ranges::transform(text, bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  AddMade(plan, kCommandLineAddress, std::move(bytes));
  return {};
}

void AddSegments(BootPlan& plan, Protocol protocol) {
  std::vector<std::byte> table = SegmentTable(protocol);
  plan.entry.protocol = protocol;
  plan.entry.gdt = {kGdtAddress};
  plan.entry.gdt_limit = static_cast<uint16_t>(table.size() - 1);
  plan.entry.rsp = kStackTop;
  AddMade(plan, kGdtAddress, std::move(table));
}

void AddStartInfo(BootPlan& plan, const Layout& layout, const base::Range& initrd, uint64_t rsdp) {
  const std::vector<MapEntry> map = MemoryMap(layout);
  StartInfo info;
  info.command_line = kCommandLineAddress;
  info.module_list = initrd.empty() ? 0 : kModuleListAddress;
  info.rsdp = rsdp;
  info.memory_map = kMemoryMapAddress;
  info.memory_map_entries = static_cast<uint32_t>(map.size());
  if (!initrd.empty()) AddMade(plan, kModuleListAddress, MakeModule(initrd));
  AddMade(plan, kMemoryMapAddress, MakeMemoryMapTable(map));
  AddMade(plan, kBootInfoAddress, MakeStartInfo(info));
}

}  // namespace

uint64_t MinimumMemory(uint64_t kernel_end, uint64_t initrd_size) {
  return base::AlignUp(kernel_end + 2 * initrd_size + kWorkingMemory, kMemoryStep);
}

base::Result<BootPlan> PlanLinux64(const BzImage& image, const BootInput& input,
                                   const Layout& layout) {
  BootPlan plan;
  const base::Range ram = TRY(LowRam(layout, image.end()));
  const uint64_t ceiling = std::min(ram.end(), image.initrd_last + 1);
  const base::Range initrd = TRY(PlaceInitrd(input.initrd_size, image.end(), ceiling));
  TRY(AddCommandLine(plan, input.command_line, image.command_line_size));
  AddSegments(plan, Protocol::kLinux64);
  AddMade(plan, kPageTablesAddress, IdentityPageTables(kPageTablesAddress));
  const BootParams params{input.head.subspan(image.header.base, image.header.size),
                          image.load_address,
                          kCommandLineAddress,
                          initrd,
                          input.rsdp,
                          MemoryMap(layout)};
  AddMade(plan, kBootInfoAddress, TRY(MakeBootParams(params)));
  plan.pieces.push_back(
      {{image.load_address, image.payload.size}, Origin::kKernel, image.payload, {}});
  AddInitrd(plan, initrd);
  plan.entry.rip = image.load_address + kEntry64Offset;
  plan.entry.rsi = kBootInfoAddress;
  plan.entry.cr3 = kPageTablesAddress;
  return plan;
}

base::Result<BootPlan> PlanPvh(const PvhKernel& kernel, const BootInput& input,
                               const Layout& layout) {
  constexpr uint64_t kLinuxCommandLineSize =
      2047;  // COMMAND_LINE_SIZE of x86; PVH does not tell it
  BootPlan plan;
  const base::Range ram = TRY(LowRam(layout, kernel.end));
  const base::Range initrd = TRY(PlaceInitrd(input.initrd_size, kernel.end, ram.end()));
  TRY(AddCommandLine(plan, input.command_line, kLinuxCommandLineSize));
  AddSegments(plan, Protocol::kPvh);
  AddStartInfo(plan, layout, initrd, input.rsdp);
  for (const PvhSegment& segment : kernel.segments) {
    plan.pieces.push_back({segment.memory, Origin::kKernel, segment.file, {}});
  }
  AddInitrd(plan, initrd);
  plan.entry.rip = kernel.entry;
  plan.entry.rbx = kBootInfoAddress;
  return plan;
}

}  // namespace vmm::boot
