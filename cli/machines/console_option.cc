#include "cli/machines/console_option.h"

#include <fmt/format.h>

#include <span>

#include "sysfs/base/text.h"
#include "vmm/virtio/setting.h"

namespace cli {

using base::Code;
using base::Fail;

base::Result<ConsoleOption> ParseConsole(const std::optional<std::string>& text) {
  ConsoleOption console;
  if (!text) return console;
  const auto parts = base::Split(*text, ',');
  if (parts.front() != "virtio") {
    console.file = *text;
    if (console.file.empty()) return Fail(Code::kUsage, "--console: the file's name is empty");
    return console;
  }
  console.virtio = true;
  auto settings = vmm::virtio::ParseSettings(std::span(parts).subspan(1));
  if (!settings) return base::Failure(std::move(settings).error().With("--console " + *text));
  for (const vmm::virtio::Setting& one : *settings) {
    if (one.name != "file" || one.text == one.name) {
      return Fail(
          Code::kUsage, fmt::format("--console {}: unknown option \"{}\"", *text, one.text),
          fmt::format("--console takes {}; a file of this name is ./{}", kConsoleForm, *text));
    }
    if (one.value.empty())
      return Fail(Code::kUsage, fmt::format("--console {}: the file's name is empty", *text));
    console.file = one.value;
  }
  return console;
}

}  // namespace cli
