// Writes an initramfs: a cpio archive in the "newc" format
// (Documentation/driver-api/early-userspace/buffer-format.rst). The same calls give the same bytes:
// times, owners and inode numbers do not come from the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vmm::guest {

class CpioWriter {
 public:
  // Paths are absolute, as in the guest; folders above are made when they are not there yet.
  void AddFolder(std::string_view path);
  void AddFile(std::string_view path, unsigned permissions, std::span<const std::byte> bytes);
  void AddFile(std::string_view path, unsigned permissions, std::string_view text);
  void AddLink(std::string_view path, std::string_view target);
  void AddCharacterDevice(std::string_view path, unsigned permissions, uint32_t major,
                          uint32_t minor);
  // The finished archive; the writer is empty afterwards.
  std::vector<std::byte> Finish();

 private:
  struct Entry {
    std::string_view path;
    uint32_t mode = 0;
    uint32_t links = 1;
    uint32_t major = 0;
    uint32_t minor = 0;
  };
  void AddParents(std::string_view path);
  void Add(const Entry& entry, std::span<const std::byte> data);
  void Append(std::string_view text);
  void Pad();

  std::vector<std::byte> bytes_;
  std::set<std::string, std::less<>> folders_;
  uint32_t next_inode_ = 1;
};

}  // namespace vmm::guest
