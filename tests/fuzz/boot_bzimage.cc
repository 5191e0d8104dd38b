// bzImage files: the setup header, and the plan that is made of it.
#include "tests/fuzz/kernel_plan.h"
#include "tests/support/kernel_files.h"
#include "vmm/boot/bzimage.h"
#include "vmm/boot/recognise.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  const auto memory = input.ConsumeIntegralInRange<uint64_t>(1, 4096) * base::kMiB;
  const auto initrd_size = input.ConsumeIntegralInRange<size_t>(0, 20000);
  const std::string command_line = input.ConsumeRandomLengthString(64);
  std::vector<std::byte> file = test::MakeBzImage();
  test::Damage(file, 0x300, input);
  if (input.ConsumeBool()) file = test::TakeRest(input);

  const auto head = std::span(file).first(std::min(file.size(), vmm::boot::kRecogniseBytes));
  vmm::boot::Recognise(head).has_value();
  const auto release = vmm::boot::ReleaseOf(file);
  test::Check(!release || (!release->empty() && release->find('/') == std::string::npos),
              "a release is the name of a folder");
  const auto image = vmm::boot::ParseBzImage(head, file.size());
  if (!image) return 0;
  test::Check(test::Inside(head, image->header.base, image->header.size), "the header is inside");
  test::Check(test::Inside(file, image->payload.base, image->payload.size),
              "the payload is inside");
  test::Check(image->load_address >= base::kMiB && image->end() <= 4 * base::kGiB,
              "the kernel is between 1 MiB and 4 GiB");
  const vmm::Layout layout = test::LayoutOf(memory);
  const auto plan =
      vmm::boot::PlanLinux64(*image, {head, initrd_size, command_line, 0xe0000}, layout);
  if (plan) test::CheckPlan(*plan, file.size(), initrd_size, layout);
  return 0;
}
