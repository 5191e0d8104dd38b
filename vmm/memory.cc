#include "vmm/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include "sysfs/base/text.h"

namespace vmm {
namespace {

base::Status MakeMergeable(std::span<std::byte> bytes) {
  if (::madvise(bytes.data(), bytes.size(), MADV_MERGEABLE) == 0) return {};
  return base::Fail(base::Code::kUnsupported,
                    "--memory: mergeable: this kernel has no KSM (CONFIG_KSM)",
                    "leave mergeable out");
}

}  // namespace

base::Result<GuestMemory> GuestMemory::Create(std::span<const base::Range> ram, Pages pages,
                                              bool mergeable) {
  GuestMemory memory;
  for (const base::Range& range : ram) {
    auto mapping = IsReserved(pages) ? base::Mapping::Huge(range.size, PageBytes(pages))
                                     : base::Mapping::Anonymous(range.size, PageBytes(pages));
    if (!mapping) {
      return base::Failure(std::move(mapping.error())
                               .With(fmt::format("guest RAM of {} at {:#x}",
                                                 base::FormatSize(range.size), range.base))
                               .WithHint(IsReserved(pages)
                                             ? "somebody else took the reserved pages meanwhile"
                                             : "give the machine less --memory"));
    }
    const std::span<std::byte> bytes = mapping->bytes();
    // The others are wishes: a kernel without transparent huge pages refuses the first.
    if (mergeable) {
      TRY(MakeMergeable(bytes));
    } else {
      ::madvise(bytes.data(), bytes.size(), MADV_HUGEPAGE);
    }
    ::madvise(bytes.data(), bytes.size(), MADV_DONTDUMP);
    // What a managed start forks, to write to sysfs with a deadline, needs none of it.
    ::madvise(bytes.data(), bytes.size(), MADV_DONTFORK);
    memory.blocks_.push_back({base::GuestPhys{range.base}, std::move(*mapping)});
  }
  return memory;
}

uint64_t GuestMemory::size() const {
  uint64_t total = 0;
  for (const Block& block : blocks_) total += block.mapping.bytes().size();
  return total;
}

std::span<std::byte> GuestMemory::At(base::GuestPhys address, uint64_t size) const {
  for (const Block& block : blocks_) {
    const std::span<std::byte> bytes = block.mapping.bytes();
    const base::Range range{block.base.value, bytes.size()};
    if (range.Contains(base::Range{address.value, size})) {
      return bytes.subspan(address.value - range.base, size);
    }
  }
  return {};
}

base::Status GuestMemory::Store(base::GuestPhys address, std::span<const std::byte> bytes) const {
  if (bytes.empty()) return {};
  const std::span<std::byte> target = At(address, bytes.size());
  if (target.empty()) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("{} at guest address {:#x}: not inside guest RAM",
                                  base::FormatSize(bytes.size()), address.value));
  }
  std::memcpy(target.data(), bytes.data(), bytes.size());
  return {};
}

}  // namespace vmm
