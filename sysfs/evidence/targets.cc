#include "sysfs/evidence/targets.h"

#include <fmt/format.h>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

using Names = std::vector<std::string>;

constexpr std::string_view kNvme = "/sys/kernel/config/nvmet/subsystems";
constexpr std::string_view kScsi = "/sys/kernel/config/target/core";

// The name of the node that a configured path leads to; empty for a file or nothing.
std::string NodeOf(const Tree& tree, const std::string& attribute) {
  const auto text = ReadText(tree, attribute);
  if (!text) return {};
  const auto real = RealPath(tree, base::Trim(*text));
  if (!real || !real->starts_with("/dev/")) return {};
  return std::string(base::LastComponent(*real));
}

void Add(const Tree& tree, const std::string& folder, const char* path, std::string target,
         std::vector<Served>& found) {
  std::string name = NodeOf(tree, folder + "/" + path);
  if (name.empty()) return;
  const bool enabled = ReadDecimal(tree, folder + "/enable").value_or(0) != 0;
  found.push_back({std::move(name), std::move(target), "", enabled});
}

// subsystems/NQN/namespaces/N, and a whole controller as subsystems/NQN/passthru.
void AddNvme(const Tree& tree, std::vector<Served>& found) {
  const std::string root(kNvme);
  for (const std::string& subsystem : tree.List(root).value_or(Names())) {
    const std::string folder = root + "/" + subsystem;
    const auto add = [&](const std::string& place, std::string target) {
      const size_t before = found.size();
      Add(tree, place, "device_path", std::move(target), found);
      if (found.size() > before) found.back().cure = "echo 0 > " + ShellWord(place + "/enable");
    };
    for (const std::string& number : tree.List(folder + "/namespaces").value_or(Names()))
      add(folder + "/namespaces/" + number,
          fmt::format("NVMe target {}, namespace {}", subsystem, number));
    add(folder + "/passthru", fmt::format("NVMe target {}, whole controller", subsystem));
  }
}

// core/iblock_0/NAME; an object is enabled as long as it is there at all.
void AddScsi(const Tree& tree, std::vector<Served>& found) {
  const std::string root(kScsi);
  for (const std::string& adapter : tree.List(root).value_or(Names())) {
    for (const std::string& name : tree.List(root + "/" + adapter).value_or(Names())) {
      const size_t before = found.size();
      Add(tree, fmt::format("{}/{}/{}", root, adapter, name), "udev_path", "SCSI target " + name,
          found);
      if (found.size() > before)
        found.back().cure = "targetcli /backstores/block delete " + ShellWord(name);
    }
  }
}

}  // namespace

std::vector<Served> ReadTargets(const Tree& tree) {
  std::vector<Served> found;
  AddNvme(tree, found);
  AddScsi(tree, found);
  return found;
}

}  // namespace sysfs
