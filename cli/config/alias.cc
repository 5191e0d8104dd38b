#include "cli/config/alias.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/config/pin.h"
#include "cli/config/resolve.h"

namespace cli {

base::Result<std::optional<sysfs::PciAddress>> FindAlias(const sysfs::Tree& tree,
                                                         std::string_view name) {
  std::optional<sysfs::PciAddress> address;
  const auto config = ReadConfig(tree);
  if (!config) return address;
  const auto entry = std::find_if(config->begin(), config->end(),
                                  [&](const Entry& one) { return one.name == name; });
  if (entry == config->end()) return address;
  Pinned pinned;
  const std::string path = fmt::format("/var/lib/vassign/pins/{}.json", name);
  if (const auto text = sysfs::ReadText(tree, path)) {
    auto pin = ParsePin(*text + "\n");
    if (!pin) return base::Failure(std::move(pin.error()).With(path));
    pinned.emplace(name, *pin);
  }
  const auto devices = TRY(ReadHostDevices(tree, {*entry}, pinned));
  if (const auto found = TRY(Resolve(*entry, pinned, devices))) address = found->device.address;
  return address;
}

std::string WhyNoAlias(const sysfs::Tree& tree) {
  const auto config = ReadConfig(tree);
  if (config || config.error().code() == base::Code::kNotFound) return {};
  return config.error().message();
}

}  // namespace cli
