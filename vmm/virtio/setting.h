// The words in which devices are described: "NAME" or "NAME=VALUE". Pure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"

namespace vmm::virtio {

struct Setting {
  std::string_view text;
  std::string_view name;
  std::string_view value;  // empty without one
};

// "NAME=on" or "NAME=off". kUsage for all else.
base::Result<bool> ParseSwitch(const Setting& setting);
// kUsage when a name is there twice.
base::Result<std::vector<Setting>> ParseSettings(std::span<const std::string_view> parts);

}  // namespace vmm::virtio
