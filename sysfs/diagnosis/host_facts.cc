#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "sysfs/base/text.h"
#include "sysfs/diagnosis/host.h"
#include "sysfs/diagnosis/kernel_log.h"

namespace sysfs {
namespace {

// The value of the first line "key : value" of a file like /proc/cpuinfo.
std::string FirstValue(std::string_view text, std::string_view key) {
  for (const std::string_view line : base::Split(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || base::Trim(line.substr(0, colon)) != key) continue;
    return std::string(base::Trim(line.substr(colon + 1)));
  }
  return {};
}

constexpr std::string_view kUnsafe = "allow_unsafe_interrupts";

bool IsYes(std::string_view text) { return text == "Y" || text == "y" || text == "1"; }

std::optional<bool> ReadNestedPaging(const Tree& tree) {
  for (const char* path :
       {"/sys/module/kvm_intel/parameters/ept", "/sys/module/kvm_amd/parameters/npt"}) {
    if (const auto value = ReadText(tree, path)) return IsYes(*value);
  }
  return std::nullopt;
}

// "none [integrity] confidentiality": the one in brackets.
std::string ReadLockdown(const Tree& tree) {
  const std::string text = ReadText(tree, "/sys/kernel/security/lockdown").value_or(std::string());
  const size_t open = text.find('[');
  const size_t close = text.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return text.substr(open + 1, close - open - 1);
}

// Modules are named with either of '-' and '_'.
std::string Canonical(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = c == '-' ? '_' : c;
  return text;
}

using Words = std::vector<std::string_view>;

// Whether a line of modprobe's configuration is so.
bool AnyLine(const Tree& tree, const std::function<bool(const Words&)>& is_wanted) {
  for (const char* folder : {"/etc/modprobe.d", "/run/modprobe.d", "/lib/modprobe.d"}) {
    const auto files = tree.List(folder);
    if (!files) continue;
    for (const std::string& file : *files) {
      const auto text = ReadText(tree, std::string(folder) + "/" + file);
      if (!text) continue;
      for (const std::string_view line : base::Split(*text, '\n')) {
        if (is_wanted(base::Split(base::Trim(line), ' '))) return true;
      }
    }
  }
  return false;
}

bool IsBlacklisted(const Tree& tree, const std::string& module) {
  return AnyLine(tree, [&](const Words& words) {
    return words.size() == 2 && words[0] == "blacklist" && Canonical(words[1]) == module;
  });
}

// "allow_unsafe_interrupts=1", or nothing behind the name.
bool AllowsUnsafe(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  if (name != kUnsafe) return false;
  return name.size() == word.size() || IsYes(word.substr(name.size() + 1));
}

// The parameter's value; of a module that is not loaded what it will be, by modprobe's
// configuration and the kernel's command line.
bool IsUnsafe(const Tree& tree, const std::string& module) {
  const auto value = ReadText(tree, fmt::format("/sys/module/{}/parameters/{}", module, kUnsafe));
  if (value) return IsYes(*value);
  const std::string line = ReadText(tree, "/proc/cmdline").value_or(std::string());
  for (const std::string_view word : base::Split(line, ' ')) {
    const size_t dot = std::min(word.find('.'), word.size());
    if (Canonical(word.substr(0, dot)) == module && dot < word.size() &&
        AllowsUnsafe(word.substr(dot + 1)))
      return true;
  }
  return AnyLine(tree, [&](const Words& words) {
    return words.size() > 2 && words[0] == "options" && Canonical(words[1]) == module &&
           std::any_of(words.begin() + 2, words.end(), AllowsUnsafe);
  });
}

// modules.dep and modules.builtin hold "kernel/drivers/vfio/pci/vfio-pci.ko[.xz]: ..." lines.
bool IsIndexed(const Tree& tree, const std::string& release, const std::string& module) {
  for (const char* index : {"modules.dep", "modules.builtin"}) {
    const auto text = ReadText(tree, "/lib/modules/" + release + "/" + index);
    if (!text) continue;
    for (const std::string_view line : base::Split(*text, '\n')) {
      const std::string_view file = base::LastComponent(line.substr(0, line.find(':')));
      if (Canonical(file.substr(0, file.find(".ko"))) == module) return true;
    }
  }
  return false;
}

Presence FindModule(const Tree& tree, const std::string& release, const std::string& module) {
  if (tree.Exists("/sys/module/" + module)) return Presence::kLoaded;
  if (!IsIndexed(tree, release, module)) return Presence::kAbsent;
  return IsBlacklisted(tree, module) ? Presence::kBlacklisted : Presence::kAvailable;
}

void ReadGroups(const Tree& tree, HostFacts& facts) {
  const auto groups = tree.List("/sys/kernel/iommu_groups");
  if (!groups) return;
  facts.groups = groups->size();
  for (const std::string& group : *groups) {
    const auto type = ReadText(tree, "/sys/kernel/iommu_groups/" + group + "/type");
    if (type == "identity") ++facts.identity_groups;
  }
}

}  // namespace

DiagnosisSources RunningSources() {
  return {ReadKernelLog(),
          [](const std::string& path) { return ::access(path.c_str(), R_OK | W_OK) == 0; }};
}

DiagnosisSources RecordedSources(const Tree& tree) { return {ReadText(tree, kRecordedLog), {}}; }

void ReadInterruptFacts(const Tree& tree, HostFacts& facts) {
  facts.interrupts = ReadText(tree, "/proc/interrupts").value_or(std::string());
  facts.unsafe_interrupts = IsUnsafe(tree, "vfio_iommu_type1") || IsUnsafe(tree, "iommufd");
}

Presence ReadPresence(const Tree& tree, const std::string& module) {
  const std::string release = ReadText(tree, "/proc/sys/kernel/osrelease").value_or(std::string());
  return FindModule(tree, release, module);
}

HostFacts ReadHostFacts(const Tree& tree, const DiagnosisSources& sources) {
  HostFacts facts;
  facts.processor_flags =
      FirstValue(ReadText(tree, "/proc/cpuinfo").value_or(std::string()), "flags");
  facts.kvm_node = tree.Exists("/dev/kvm");
  if (sources.may_open && facts.kvm_node) facts.kvm_access = sources.may_open("/dev/kvm");
  facts.nested_paging = ReadNestedPaging(tree);
  facts.iommu = ReadIommuState(tree);
  ReadGroups(tree, facts);
  ReadInterruptFacts(tree, facts);
  facts.lockdown = ReadLockdown(tree);
  facts.vfio_pci = ReadPresence(tree, "vfio_pci");
  facts.type1 = ReadPresence(tree, "vfio_iommu_type1");
  facts.iommufd_node = tree.Exists("/dev/iommu");
  facts.log = sources.kernel_log;
  return facts;
}

}  // namespace sysfs
