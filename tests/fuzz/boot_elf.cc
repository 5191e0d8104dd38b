// ELF files: program headers, the PVH note, the plan, and what the generated guest asks of busybox.
#include "tests/fuzz/kernel_plan.h"
#include "tests/support/kernel_files.h"
#include "vmm/boot/elf.h"
#include "vmm/boot/pvh.h"
#include "vmm/guest/elf_needs.h"

namespace {

void CheckKernel(const std::vector<std::byte>& file, uint64_t initrd_size,
                 const vmm::Layout& layout) {
  const auto kernel = vmm::boot::ParsePvh(file);
  if (!kernel) return;
  for (const vmm::boot::PvhSegment& segment : kernel->segments) {
    test::Check(test::Inside(file, segment.file.base, segment.file.size), "a segment is inside");
    test::Check(segment.file.size <= segment.memory.size, "a segment's file part fits");
    test::Check(segment.memory.base >= base::kMiB && segment.memory.end() <= kernel->end,
                "a segment is between 1 MiB and the kernel's end");
  }
  const auto plan = vmm::boot::PlanPvh(*kernel, {file, initrd_size, "quiet", 0xe0000}, layout);
  if (plan) test::CheckPlan(*plan, file.size(), initrd_size, layout);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  const auto memory = input.ConsumeIntegralInRange<uint64_t>(1, 4096) * base::kMiB;
  const auto initrd_size = input.ConsumeIntegralInRange<size_t>(0, 20000);
  std::vector<std::byte> file = test::MakeElfKernel();
  test::Damage(file, 0x340, input);
  if (input.ConsumeBool()) file = test::TakeRest(input);

  const auto elf = vmm::boot::ParseElf(file);
  if (elf) {
    for (const vmm::boot::ElfSegment& segment : elf->segments)
      test::Check(test::Inside(file, segment.file.base, segment.file.size), "a segment is inside");
  }
  CheckKernel(file, initrd_size, test::LayoutOf(memory));
  vmm::guest::ParseNeeds(file).has_value();
  return 0;
}
