#include "vmm/guest/busybox.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "sysfs/base/address.h"
#include "vmm/guest/elf_needs.h"

namespace vmm::guest {
namespace {

constexpr std::array kPrograms = {"/bin/busybox", "/usr/bin/busybox", "/sbin/busybox",
                                  "/usr/sbin/busybox", "/usr/lib/initcpio/busybox"};
// Where the loaders of the distributions look without a configuration.
constexpr std::array kLibraryFolders = {
    "/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
    "/lib",   "/usr/lib"};
constexpr const char* kGuestPath = "/bin/busybox";
constexpr size_t kFileLimit = 64 * base::kMiB;
constexpr size_t kFileCountLimit = 32;
constexpr const char* kCure = "install busybox-static, or give --initrd";

base::Result<std::vector<std::byte>> ReadProgram(const sysfs::Tree& tree, const std::string& path) {
  std::vector<std::byte> bytes = TRY(tree.ReadBytes(path, kFileLimit));
  if (bytes.size() == kFileLimit) {
    return base::Fail(base::Code::kUnsupported, path + ": too large for the guest", kCure);
  }
  return bytes;
}

std::optional<std::string> FindLibrary(const sysfs::Tree& tree, const std::string& name) {
  if (name.starts_with('/')) return tree.Exists(name) ? std::optional(name) : std::nullopt;
  for (const char* folder : kLibraryFolders) {
    std::string path = fmt::format("{}/{}", folder, name);
    if (tree.Exists(path)) return path;
  }
  return std::nullopt;
}

// Adds what the file needs, each once, and asks the same of what was added.
base::Status AddNeeds(const sysfs::Tree& tree, std::vector<GuestFile>& files) {
  for (size_t next = 0; next < files.size(); ++next) {
    auto needs = ParseNeeds(files[next].bytes);
    if (!needs) return base::Failure(std::move(needs).error().With(files[next].path));
    std::vector<std::string> names = needs->libraries;
    if (!needs->interpreter.empty()) names.push_back(needs->interpreter);
    for (const std::string& name : names) {
      const auto path = FindLibrary(tree, name);
      if (!path || files.size() >= kFileCountLimit) {
        return base::Fail(base::Code::kUnsupported,
                          fmt::format("{} needs {}, which is not found", files[next].path, name),
                          kCure);
      }
      const bool there =
          std::ranges::any_of(files, [&](const GuestFile& file) { return file.path == *path; });
      if (!there) files.push_back({*path, TRY(ReadProgram(tree, *path))});
    }
  }
  return {};
}

}  // namespace

base::Result<std::vector<GuestFile>> FindBusybox(const sysfs::Tree& tree) {
  std::optional<std::vector<GuestFile>> dynamic;
  for (const char* path : kPrograms) {
    if (!tree.Exists(path)) continue;
    std::vector<GuestFile> files = {{kGuestPath, TRY(ReadProgram(tree, path))}};
    const auto needs = ParseNeeds(files.front().bytes);
    if (needs && needs->interpreter.empty()) return files;
    if (!dynamic) dynamic = std::move(files);
  }
  if (!dynamic) {
    return base::Fail(base::Code::kUnsupported,
                      fmt::format("the default guest needs busybox, which is not installed (looked "
                                  "for {})",
                                  fmt::join(kPrograms, ", ")),
                      kCure);
  }
  TRY(AddNeeds(tree, *dynamic));
  return *std::move(dynamic);
}

}  // namespace vmm::guest
