#include "vmm/guest/modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sysfs/base/address.h"
#include "vmm/guest/decompress.h"

namespace vmm::guest {
namespace {

constexpr size_t kModuleLimit = 64 * base::kMiB;
constexpr size_t kModuleCountLimit = 256;

base::Result<LoadedModule> Load(const sysfs::Tree& tree, const sysfs::ModuleFile& reference) {
  const auto file = TRY(tree.ReadBytes(reference.path, kModuleLimit));
  auto bytes = Decompress(file, kModuleLimit);
  if (!bytes) return base::Failure(std::move(bytes).error().With(reference.path));
  return LoadedModule{reference.name, *std::move(bytes)};
}

base::Status Add(const sysfs::Tree& tree, const std::vector<sysfs::ModuleFile>& references,
                 std::vector<LoadedModule>& modules) {
  for (const sysfs::ModuleFile& reference : references) {
    const bool there = std::ranges::any_of(
        modules, [&](const LoadedModule& module) { return module.name == reference.name; });
    if (there || reference.builtin) continue;
    if (modules.size() >= kModuleCountLimit) {
      return base::Fail(base::Code::kUnsupported, "too many kernel modules for the default guest",
                        "give --initrd");
    }
    modules.push_back(TRY(Load(tree, reference)));
  }
  return {};
}

}  // namespace

base::Result<ModuleSet> CollectModules(const sysfs::Tree& tree, const ModuleFinder& find,
                                       std::span<const std::string> aliases,
                                       std::span<const std::string> names) {
  ModuleSet set;
  for (const std::string& alias : aliases) {
    const auto references = find(alias);
    if (!references && references.error().code() != base::Code::kNotFound) {
      return base::Failure(references.error());
    }
    if (!references || references->empty()) {
      set.remarks.push_back(
          fmt::format("the guest has no driver for {}: {}", alias,
                      references ? "no module claims it" : references.error().message()));
      continue;
    }
    TRY(Add(tree, *references, set.modules));
    set.driven.push_back(alias);
  }
  for (const std::string& name : names) {
    if (const auto references = find(name)) TRY(Add(tree, *references, set.modules));
  }
  return set;
}

}  // namespace vmm::guest
