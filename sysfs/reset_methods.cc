#include "sysfs/reset_methods.h"

#include "sysfs/base/text.h"

namespace sysfs {

std::optional<std::vector<std::string>> ReadResetMethods(const Tree& tree,
                                                         const PciAddress& address) {
  const auto text = ReadText(tree, "/sys/bus/pci/devices/" + address.ToString() + "/reset_method");
  if (!text) return std::nullopt;
  std::vector<std::string> methods;
  for (const std::string_view word : base::Split(*text, ' ')) {
    if (!word.empty()) methods.emplace_back(word);
  }
  return methods;
}

}  // namespace sysfs
