#include "sysfs/drivers.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "sysfs/base/text.h"
#include "sysfs/modules.h"

namespace sysfs {
namespace {

// The drivers of Linux that register with vfio_pci_core, for a tree that does not tell: built in,
// or a recorded host without /sys/module.
constexpr std::array<std::string_view, 8> kVfioDrivers = {
    "vfio_pci",     "hisi_acc_vfio_pci", "mlx5_vfio_pci",   "nvgrace_gpu_vfio_pci",
    "pds_vfio_pci", "qat_vfio_pci",      "virtio_vfio_pci", "xe_vfio_pci"};

constexpr std::string_view kVfioAlias = "alias vfio_pci:";
constexpr std::string_view kBuiltInAlias = ".alias=vfio_pci:";

// Drivers and modules spell the same name with '-' or '_', at will.
std::string Underscored(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

bool IsKnownVfioDriver(std::string_view driver) {
  const std::string name = Underscored(driver);
  return std::any_of(kVfioDrivers.begin(), kVfioDrivers.end(),
                     [&](std::string_view known) { return known == name; });
}

// As a snapshot has recorded them, one "MODALIAS MODULE..." line a device; `otherwise` without.
base::Result<std::vector<std::string>> RecordedModules(
    const Tree& tree, const std::string& modalias,
    base::Result<std::vector<std::string>> otherwise) {
  const auto release = ReadText(tree, "/proc/sys/kernel/osrelease");
  const auto text = ReadText(tree, RecordedModulesFile(release.value_or("")));
  for (const std::string_view line :
       base::Split(text ? std::string_view(*text) : std::string_view(), '\n')) {
    const auto words = base::Split(line, ' ');
    if (words[0] == modalias) return std::vector<std::string>(words.begin() + 1, words.end());
  }
  return otherwise;
}

}  // namespace

std::string RecordedModulesFile(const std::string& release) {
  return "/lib/modules/" + release + "/modules.devices";
}

std::optional<std::string> ModuleOfDriver(const Tree& tree, std::string_view driver) {
  return LinkName(tree, "/sys/bus/pci/drivers/" + std::string(driver) + "/module");
}

bool IsVfioDriver(const Tree& tree, std::string_view driver) {
  if (IsKnownVfioDriver(driver)) return true;
  const auto module = ModuleOfDriver(tree, driver);
  return module && tree.Exists("/sys/module/vfio_pci_core/holders/" + *module);
}

std::vector<std::string> DriversOfModule(const Tree& tree, const std::string& module) {
  constexpr std::string_view kBus = "pci:";
  std::vector<std::string> drivers;
  const auto names = tree.List("/sys/module/" + Underscored(module) + "/drivers");
  if (!names) return drivers;
  for (const std::string& name : *names) {
    if (name.starts_with(kBus)) drivers.push_back(name.substr(kBus.size()));
  }
  return drivers;
}

base::Result<std::vector<std::string>> CandidateDrivers(const Tree& tree,
                                                        const std::string& modalias,
                                                        const std::string& modules_dir) {
  std::vector<std::string> candidates;
  auto modules = AliasesToModules(modalias, modules_dir);
  if (!modules) modules = RecordedModules(tree, modalias, std::move(modules));
  for (const std::string& module : TRY(std::move(modules))) {
    auto drivers = DriversOfModule(tree, module);
    if (drivers.empty()) drivers.push_back(module);
    candidates.insert(candidates.end(), drivers.begin(), drivers.end());
  }
  return candidates;
}

std::optional<std::string> BestVfioModule(std::string_view modules_alias,
                                          std::string_view modalias) {
  constexpr std::string_view kNative = "pci:";
  if (!modalias.starts_with(kNative)) return std::nullopt;
  const std::string wanted = "vfio_" + std::string(modalias);
  std::optional<std::string> best;
  ptrdiff_t fewest = 0;
  while (!modules_alias.empty()) {
    const size_t end = modules_alias.find('\n');
    const std::string_view line = modules_alias.substr(0, end);
    modules_alias.remove_prefix(end == std::string_view::npos ? modules_alias.size() : end + 1);
    if (!line.starts_with(kVfioAlias)) continue;
    const auto words = base::Split(line, ' ');
    if (words.size() != 3) continue;
    const std::string pattern(words[1]);
    const auto wildcards = std::count(pattern.begin(), pattern.end(), '*');
    if ((best && wildcards >= fewest) || ::fnmatch(pattern.c_str(), wanted.c_str(), 0) != 0)
      continue;
    best = words[2];
    fewest = wildcards;
  }
  return best;
}

VfioDrivers::VfioDrivers(const Tree& tree) : tree_(tree) {
  const std::string folder =
      "/lib/modules/" + ReadText(tree, "/proc/sys/kernel/osrelease").value_or("");
  const auto text = [&](const char* name) {
    return tree.Read(folder + name).value_or(std::string());
  };
  const std::string loadable = text("/modules.alias");
  for (const std::string_view line : base::Split(loadable, '\n')) {
    if (line.starts_with(kVfioAlias)) aliases_.append(line).append("\n");
  }
  // "MODULE.alias=PATTERN", each with a NUL behind it (Documentation/kbuild/kbuild.rst,
  // modules.builtin.modinfo; with the aliases of devices since Linux 6.17).
  const std::string built_in = text("/modules.builtin.modinfo");
  for (const std::string_view entry : base::Split(built_in, '\0')) {
    const size_t at = entry.find(kBuiltInAlias);
    if (at == std::string_view::npos) continue;
    aliases_ += fmt::format("alias vfio_pci:{} {}\n", entry.substr(at + kBuiltInAlias.size()),
                            entry.substr(0, at));
  }
}

std::optional<std::string> VfioDrivers::Best(std::string_view modalias) const {
  const auto module = BestVfioModule(aliases_, modalias);
  const auto known = drivers_.find(module);
  if (known != drivers_.end()) return known->second;
  return drivers_[module] = DriverOf(module);
}

std::optional<std::string> VfioDrivers::DriverOf(const std::optional<std::string>& module) const {
  // vfio_pci may be built in, or the modules of a recorded host be absent.
  const std::string name = module.value_or("vfio_pci");
  const auto drivers = DriversOfModule(tree_, name);
  if (!drivers.empty()) return drivers.front();
  if (name == "vfio_pci" && (module || tree_.Exists("/sys/bus/pci/drivers/vfio-pci")))
    return "vfio-pci";
  return module;
}

std::optional<std::string> BestVfioDriver(const Tree& tree, std::string_view modalias) {
  return VfioDrivers(tree).Best(modalias);
}

}  // namespace sysfs
