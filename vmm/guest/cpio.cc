#include "vmm/guest/cpio.h"

#include <fmt/format.h>

#include <utility>

namespace vmm::guest {
namespace {

constexpr uint32_t kFolderType = 0040000;
constexpr uint32_t kFileType = 0100000;
constexpr uint32_t kLinkType = 0120000;
constexpr uint32_t kCharacterType = 0020000;
constexpr size_t kAlignment = 4;

std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string_view Relative(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

}  // namespace

void CpioWriter::Append(std::string_view text) {
  const auto bytes = BytesOf(text);
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void CpioWriter::Pad() {
  bytes_.resize((bytes_.size() + kAlignment - 1) / kAlignment * kAlignment);
}

void CpioWriter::Add(const Entry& entry, std::span<const std::byte> data) {
  // inode, mode, owner, group, links, time, size, device, its number, name's size, checksum
  Append(
      fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
                  "{:08x}{:08x}",
                  next_inode_++, entry.mode, 0, 0, entry.links, 0, data.size(), 0, 0, entry.major,
                  entry.minor, entry.path.size() + 1, 0));
  Append(entry.path);
  bytes_.push_back(std::byte{0});
  Pad();
  bytes_.insert(bytes_.end(), data.begin(), data.end());
  Pad();
}

void CpioWriter::AddParents(std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    AddFolder(path.substr(0, slash));
  }
}

void CpioWriter::AddFolder(std::string_view path) {
  path = Relative(path);
  if (path.empty() || folders_.contains(path)) return;
  AddParents(path);
  folders_.emplace(path);
  Add({.path = path, .mode = kFolderType | 0755, .links = 2}, {});
}

void CpioWriter::AddFile(std::string_view path, unsigned permissions,
                         std::span<const std::byte> bytes) {
  path = Relative(path);
  AddParents(path);
  Add({.path = path, .mode = kFileType | permissions}, bytes);
}

void CpioWriter::AddFile(std::string_view path, unsigned permissions, std::string_view text) {
  AddFile(path, permissions, BytesOf(text));
}

void CpioWriter::AddLink(std::string_view path, std::string_view target) {
  path = Relative(path);
  AddParents(path);
  Add({.path = path, .mode = kLinkType | 0777}, BytesOf(target));
}

void CpioWriter::AddCharacterDevice(std::string_view path, unsigned permissions, uint32_t major,
                                    uint32_t minor) {
  path = Relative(path);
  AddParents(path);
  Add({.path = path, .mode = kCharacterType | permissions, .major = major, .minor = minor}, {});
}

std::vector<std::byte> CpioWriter::Finish() {
  Add({.path = "TRAILER!!!"}, {});
  folders_.clear();
  next_inode_ = 1;
  return std::exchange(bytes_, {});
}

}  // namespace vmm::guest
