// The process that has a device open through VFIO, for many devices with one look at /proc.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/holders.h"
#include "sysfs/tree.h"

namespace cli {

struct Owner {
  int pid = 0;
  std::string command;
  bool operator==(const Owner&) const = default;
};

inline constexpr std::string_view kOwnerUnknown =
    "only root sees which process of another user has it open";

class Owners {
 public:
  // `nodes` are the VFIO nodes to look for; `number` may be empty.
  Owners(const sysfs::Tree& tree, std::span<const std::string> nodes,
         const sysfs::DeviceNumber& number);

  // The first process that has one of these nodes open.
  std::optional<Owner> Of(std::span<const std::string> nodes) const;
  // False when processes of others are hidden from us.
  bool sees_all() const { return sees_all_; }

 private:
  std::vector<sysfs::Holder> holders_;
  bool sees_all_;
};

}  // namespace cli
