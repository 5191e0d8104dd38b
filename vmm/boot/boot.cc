#include "vmm/boot/boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sysfs/base/text.h"
#include "vmm/boot/file.h"
#include "vmm/boot/plan.h"
#include "vmm/boot/recognise.h"

namespace vmm::boot {
namespace {

// An ELF kernel may carry debug information, which is read but not kept.
constexpr uint64_t kElfLimit = 2 * base::kGiB;

base::Failure TooLarge(const std::string& what, uint64_t needed, const Layout& layout) {
  return base::Fail(base::Code::kUsage,
                    fmt::format("{}: needs {} of memory, the guest has {}", what,
                                base::FormatSize(needed), base::FormatSize(layout.memory_bytes())),
                    fmt::format("give --memory {}M", (needed + base::kMiB - 1) / base::kMiB));
}

base::Result<std::vector<std::byte>> ReadKernel(const InputFile& file, ImageKind kind,
                                                const Layout& layout) {
  if (kind == ImageKind::kBzImage && file.size > layout.memory_bytes()) {
    return TooLarge(file.path, MinimumMemory(file.size, 0), layout);
  }
  if (file.size > kElfLimit) {
    return base::Fail(
        base::Code::kUsage,
        fmt::format("{}: {} is larger than any kernel", file.path, base::FormatSize(file.size)),
        "strip its debug information");
  }
  return ReadHead(file, file.size);
}

base::Result<std::vector<std::byte>> ReadInitrd(const std::string& path, const Layout& layout) {
  const InputFile file = TRY(OpenInput(path));
  if (file.size > layout.memory_bytes()) {
    return TooLarge(path, MinimumMemory(0, file.size), layout);
  }
  return ReadHead(file, file.size);
}

template <class T>
base::Result<T> Named(const std::string& path, base::Result<T> result) {
  if (!result) return base::Failure(std::move(result).error().With(path));
  return result;
}

base::Status StorePiece(const GuestMemory& memory, const Piece& piece) {
  const std::span<std::byte> room = memory.At({piece.memory.base}, piece.memory.size);
  const std::span<const std::byte> bytes = piece.bytes();
  if (room.size() < piece.memory.size || bytes.size() > room.size()) {
    return base::Fail(base::Code::kInternal, fmt::format("no guest RAM at {:#x} for {:#x} bytes",
                                                         piece.memory.base, piece.memory.size));
  }
  std::ranges::fill(std::ranges::copy(bytes, room.begin()).out, room.end(), std::byte{0});
  return {};
}

}  // namespace

base::Result<BootImage> BootImage::Open(const BootRequest& request, const Layout& layout) {
  BootImage image;
  image.request_ = request;
  const InputFile file = TRY(OpenInput(request.kernel_path));
  const auto kind = TRY(Named(file.path, Recognise(TRY(ReadHead(file, kRecogniseBytes)))));
  image.kernel_ = TRY(ReadKernel(file, kind, layout));
  uint64_t end = 0;
  if (kind == ImageKind::kElf) {
    PvhKernel kernel = TRY(Named(file.path, ParsePvh(image.kernel_)));
    image.kernel_ = Compact(kernel, image.kernel_);
    image.protocol_ = Protocol::kPvh;
    end = kernel.end;
    image.parsed_ = std::move(kernel);
  } else {
    const BzImage parsed = TRY(Named(file.path, ParseBzImage(image.kernel_)));
    end = parsed.end();
    image.parsed_ = parsed;
  }
  if (!request.initrd_path.empty()) {
    image.request_.initrd = TRY(ReadInitrd(request.initrd_path, layout));
  }
  image.minimum_memory_ = MinimumMemory(end, image.request_.initrd.size());
  if (layout.memory_bytes() < image.minimum_memory_) {
    return TooLarge(request.kernel_path, image.minimum_memory_, layout);
  }
  TRY(Named(request.kernel_path, image.Plan(layout)));
  return image;
}

base::Result<BootPlan> BootImage::Plan(const Layout& layout) const {
  const BootInput input{kernel_, request_.initrd, request_.command_line, request_.acpi_rsdp.value};
  if (const auto* kernel = std::get_if<PvhKernel>(&parsed_)) return PlanPvh(*kernel, input, layout);
  return PlanLinux64(std::get<BzImage>(parsed_), input, layout);
}

base::Result<EntryState> BootImage::Load(const GuestMemory& memory, const Layout& layout) const {
  const BootPlan plan = TRY(Plan(layout));
  for (const Piece& piece : plan.pieces) TRY(StorePiece(memory, piece));
  return plan.entry;
}

}  // namespace vmm::boot
