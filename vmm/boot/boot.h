// Puts a kernel into guest RAM and says how the first vCPU starts.
//
// bzImage by the 64-bit boot protocol (Documentation/arch/x86/boot.rst) and ELF vmlinux by PVH
// (xen/include/public/arch-x86/hvm/start_info.h). Kernel and initrd are files that the user gave:
// every field is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/mapping.h"
#include "sysfs/base/result.h"
#include "vmm/boot/bzimage.h"
#include "vmm/boot/file.h"
#include "vmm/boot/pvh.h"
#include "vmm/layout.h"
#include "vmm/memory.h"

namespace vmm::boot {

struct BootRequest {
  std::string kernel_path;
  std::string initrd_path;        // empty: none, or `initrd` below
  std::vector<std::byte> initrd;  // made in memory by the default guest
  std::string command_line;
  base::GuestPhys acpi_rsdp;
};

enum class Protocol : uint8_t { kLinux64, kPvh };

// Selectors in the table at EntryState::gdt: flat code (64-bit for kLinux64, 32-bit for kPvh), flat
// data for DS, ES and SS, a busy task state segment. Interrupts are off, there is no IDT.
inline constexpr uint16_t kCodeSelector = 0x10;
inline constexpr uint16_t kDataSelector = 0x18;
inline constexpr uint16_t kTaskSelector = 0x20;

// The first vCPU's start: registers not named are zero.
struct EntryState {
  Protocol protocol = Protocol::kLinux64;
  uint64_t rip = 0;
  uint64_t rsi = 0;  // boot_params (kLinux64)
  uint64_t rbx = 0;  // hvm_start_info (kPvh)
  uint64_t rsp = 0;
  uint64_t cr3 = 0;  // page tables that map the first 4 GiB one to one (kLinux64)
  base::GuestPhys gdt;
  uint16_t gdt_limit = 0;
};

struct BootPlan;
struct Piece;

// Kernel and initrd, checked. Their files stay open and are read into guest RAM at each start: none
// of their bytes is kept in memory, and a reboot finds the same ones when they were replaced by
// others (rename(2), as package managers do). A file that was written to is checked and loaded
// anew.
class BootImage {
 public:
  // kUsage names the file and what is wrong: missing, empty, a directory, truncated, not a kernel,
  // needs more RAM.
  static base::Result<BootImage> Open(BootRequest request, const Layout& layout);
  // The least RAM with which this kernel and initrd can start.
  uint64_t minimum_memory() const { return minimum_memory_; }
  Protocol protocol() const { return protocol_; }
  // Writes kernel, initrd, command line, page tables and tables of the protocol. kUsage, as by
  // Open, when a file was written to and cannot be started now, or is being written to.
  base::Result<EntryState> Load(const GuestMemory& memory, const Layout& layout);

 private:
  base::Status Check(const Layout& layout);
  base::Status ReadKernel(const Layout& layout);
  base::Status ReadInitrd(const Layout& layout);
  uint64_t initrd_size() const;
  base::Result<BootPlan> Plan(const Layout& layout) const;
  base::Status Store(const GuestMemory& memory, const Piece& piece) const;
  base::Result<bool> FilesChanged();

  BootRequest request_;
  InputFile kernel_;
  std::optional<InputFile> initrd_;
  std::vector<std::byte> head_;  // of the kernel's file
  std::variant<BzImage, PvhKernel> parsed_;
  Protocol protocol_ = Protocol::kLinux64;
  uint64_t minimum_memory_ = 0;
};

}  // namespace vmm::boot
