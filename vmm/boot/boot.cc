#include "vmm/boot/boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sysfs/base/log.h"
#include "sysfs/base/text.h"
#include "vmm/boot/plan.h"
#include "vmm/boot/recognise.h"

namespace vmm::boot {
namespace {

// An ELF kernel may carry debug information, which is read to find the notes, and not loaded.
constexpr uint64_t kElfLimit = 2 * base::kGiB;

base::Failure TooLarge(const std::string& what, uint64_t needed, const Layout& layout) {
  return base::Fail(base::Code::kUsage,
                    fmt::format("{}: needs {} of memory, the guest has {}", what,
                                base::FormatSize(needed), base::FormatSize(layout.memory_bytes())),
                    fmt::format("give --memory {}M", (needed + base::kMiB - 1) / base::kMiB));
}

template <class T>
base::Result<T> Named(const std::string& path, base::Result<T> result) {
  if (!result) return base::Failure(std::move(result).error().With(path));
  return result;
}

// What a 64-bit bzImage tells of itself, or an ELF file, which is read whole to find its notes.
base::Result<std::variant<BzImage, PvhKernel>> Parse(const InputFile& file,
                                                     std::span<const std::byte> head) {
  if (TRY(Recognise(head)) == ImageKind::kBzImage) return TRY(ParseBzImage(head, file.size));
  if (file.size > kElfLimit) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("{} is larger than any kernel", base::FormatSize(file.size)),
                      "strip its debug information");
  }
  return TRY(ParsePvh(TRY(ReadHead(file, file.size))));
}

}  // namespace

base::Result<BootImage> BootImage::Open(BootRequest request, const Layout& layout) {
  BootImage image;
  image.request_ = std::move(request);
  image.kernel_ = TRY(OpenInput(image.request_.kernel_path));
  if (const std::string& path = image.request_.initrd_path; !path.empty()) {
    image.initrd_ = TRY(OpenInput(path));
  }
  TRY(image.Check(layout));
  return image;
}

base::Status BootImage::Check(const Layout& layout) {
  head_ = TRY(ReadHead(kernel_, kRecogniseBytes));
  parsed_ = TRY(Named(kernel_.path, Parse(kernel_, head_)));
  uint64_t end = 0;
  if (const auto* kernel = std::get_if<PvhKernel>(&parsed_)) {
    protocol_ = Protocol::kPvh;
    end = kernel->end;
  } else {
    protocol_ = Protocol::kLinux64;
    end = std::get<BzImage>(parsed_).end();
  }
  if (initrd_ && initrd_->size > layout.memory_bytes()) {
    return TooLarge(initrd_->path, MinimumMemory(0, initrd_->size), layout);
  }
  minimum_memory_ = MinimumMemory(end, initrd_size());
  if (layout.memory_bytes() < minimum_memory_) {
    return TooLarge(kernel_.path, minimum_memory_, layout);
  }
  TRY(Named(kernel_.path, Plan(layout)));
  return {};
}

uint64_t BootImage::initrd_size() const { return initrd_ ? initrd_->size : request_.initrd.size(); }

base::Result<BootPlan> BootImage::Plan(const Layout& layout) const {
  const BootInput input{head_, initrd_size(), request_.command_line, request_.acpi_rsdp.value};
  if (const auto* kernel = std::get_if<PvhKernel>(&parsed_)) return PlanPvh(*kernel, input, layout);
  return PlanLinux64(std::get<BzImage>(parsed_), input, layout);
}

base::Status BootImage::Store(const GuestMemory& memory, const Piece& piece) const {
  const std::span<std::byte> room = memory.At({piece.memory.base}, piece.memory.size);
  if (room.size() < piece.memory.size || piece.size() > room.size()) {
    return base::Fail(base::Code::kInternal, fmt::format("no guest RAM at {:#x} for {:#x} bytes",
                                                         piece.memory.base, piece.memory.size));
  }
  const std::span<std::byte> place = room.first(piece.size());
  if (piece.origin == Origin::kKernel) {
    TRY(ReadInto(kernel_, place, piece.part.base));
  } else if (piece.origin == Origin::kInitrd && initrd_) {
    TRY(ReadInto(*initrd_, place, piece.part.base));
  } else {
    const auto& from = piece.origin == Origin::kMade ? piece.made : request_.initrd;
    std::ranges::copy(from, place.begin());
  }
  std::ranges::fill(room.subspan(place.size()), std::byte{0});
  return {};
}

base::Result<bool> BootImage::FilesChanged() {
  const bool kernel = TRY(HasChanged(kernel_));
  const bool initrd = initrd_ && TRY(HasChanged(*initrd_));
  return kernel || initrd;
}

base::Result<EntryState> BootImage::Load(const GuestMemory& memory, const Layout& layout) {
  if (TRY(FilesChanged())) {
    base::Log(base::Level::kWarning, "{}{}: written to since the last start, loaded anew",
              kernel_.path, initrd_ ? " or " + initrd_->path : "");
    TRY(Check(layout));
  }
  const BootPlan plan = TRY(Plan(layout));
  for (const Piece& piece : plan.pieces) TRY(Store(memory, piece));
  if (TRY(FilesChanged())) {
    return base::Fail(base::Code::kUsage,
                      kernel_.path + ": kernel or initrd is being written to, and was not started",
                      "start the machine again when the file is whole");
  }
  return plan.entry;
}

}  // namespace vmm::boot
