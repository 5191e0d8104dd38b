// `--console`: where the guest's console is and where its output goes. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sysfs/base/result.h"

namespace cli {

struct ConsoleOption {
  std::string file;  // empty: the terminal
  bool virtio = false;
};

inline constexpr std::string_view kConsoleForm = "FILE|virtio[,file=FILE]";

// A file of the name "virtio" is ./virtio. kUsage names what is wrong.
base::Result<ConsoleOption> ParseConsole(const std::optional<std::string>& text);

}  // namespace cli
