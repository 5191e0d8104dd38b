#include "vmm/boot/recognise.h"

#include <array>
#include <string>
#include <string_view>

namespace vmm::boot {
namespace {

struct Magic {
  size_t offset;
  std::string_view bytes;
  const char* name;
};

// The formats in which distributions and build systems leave kernels that cannot be started as they
// are.
constexpr std::array kCompressed = {
    Magic{0, "\x1f\x8b", "gzip"},
    Magic{0,
          {"\xfd"
           "7zXZ\0",
           6},
          "xz"},
    Magic{0, "\x28\xb5\x2f\xfd", "zstd"},
    Magic{0, "BZh", "bzip2"},
    Magic{0, "\x89LZO", "lzop"},
    Magic{0, "\x02\x21\x4c\x18", "lz4"},
    Magic{0, "\x04\x22\x4d\x18", "lz4"},
};
constexpr Magic kElfMagic{0,
                          "\x7f"
                          "ELF",
                          ""};
// The setup header's boot_flag and signature (Documentation/arch/x86/boot.rst).
constexpr Magic kBootFlag{0x1fe, "\x55\xaa", ""};
constexpr Magic kHeader{0x202, "HdrS", ""};
constexpr Magic kPe{0, "MZ", ""};
// An arm64 or RISC-V `Image`: magic at 0x38.
constexpr Magic kArm64{0x38, "ARM\x64", ""};
constexpr Magic kRiscv{0x38, "RSC\x05", ""};
constexpr Magic kCpio{0, "070701", ""};

bool Matches(std::span<const std::byte> head, const Magic& magic) {
  if (head.size() < magic.offset + magic.bytes.size()) return false;
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  return text.substr(magic.offset, magic.bytes.size()) == magic.bytes;
}

base::Failure NotAKernel(std::string what) {
  return base::Fail(base::Code::kUsage, std::move(what),
                    "give a bzImage (such as /boot/vmlinuz-VERSION) or an ELF vmlinux built with "
                    "CONFIG_PVH");
}

}  // namespace

base::Result<ImageKind> Recognise(std::span<const std::byte> head) {
  if (head.empty()) return NotAKernel("the file is empty, not a kernel");
  if (Matches(head, kHeader) && Matches(head, kBootFlag)) return ImageKind::kBzImage;
  if (Matches(head, kElfMagic)) return ImageKind::kElf;
  for (const Magic& magic : kCompressed) {
    if (Matches(head, magic)) {
      return base::Fail(
          base::Code::kUsage,
          std::string(magic.name) + " data, not a kernel that can be started as it is",
          "unpack it first, or give the bzImage of the same kernel");
    }
  }
  if (Matches(head, kArm64) || Matches(head, kRiscv)) {
    return NotAKernel("a kernel for another architecture than x86-64");
  }
  if (Matches(head, kCpio)) return NotAKernel("an initramfs (cpio archive), not a kernel");
  if (Matches(head, kPe)) {
    return NotAKernel(
        "an EFI program without the Linux setup header, not a kernel that can be "
        "started without firmware");
  }
  return NotAKernel("not a kernel: neither the Linux setup header nor an ELF header is there");
}

}  // namespace vmm::boot
