#include "vmm/virtio/setting.h"

#include <fmt/format.h>

#include <set>

namespace vmm::virtio {

base::Result<std::vector<Setting>> ParseSettings(std::span<const std::string_view> parts) {
  std::vector<Setting> settings;
  std::set<std::string_view> seen;
  for (const std::string_view text : parts) {
    const size_t sign = text.find('=');
    const std::string_view name = text.substr(0, sign);
    if (!seen.insert(name).second) {
      return base::Fail(base::Code::kUsage, fmt::format("{} is given twice", name));
    }
    settings.push_back(
        {text, name, sign == std::string_view::npos ? std::string_view() : text.substr(sign + 1)});
  }
  return settings;
}

base::Result<bool> ParseSwitch(const Setting& setting) {
  if (setting.value == "on") return true;
  if (setting.value == "off") return false;
  return base::Fail(base::Code::kUsage, fmt::format("{}: neither on nor off", setting.text));
}

}  // namespace vmm::virtio
