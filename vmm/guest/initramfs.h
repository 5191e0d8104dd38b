// Puts the default guest's files together.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "vmm/guest/busybox.h"
#include "vmm/guest/modules.h"

namespace vmm::guest {

struct InitramfsContent {
  std::vector<GuestFile> programs;  // busybox with its libraries
  ModuleSet modules;
  std::string console;                 // that a module brings; empty: it is there from the start
  std::optional<std::string> command;  // of `--exec`
  std::vector<GuestFile> extra;
};

// The same content gives the same bytes. Pure.
std::vector<std::byte> BuildInitramfs(const InitramfsContent& content);

}  // namespace vmm::guest
