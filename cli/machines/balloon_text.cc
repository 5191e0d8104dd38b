#include "cli/machines/balloon_text.h"

#include <fmt/format.h>

#include "sysfs/base/text.h"

namespace cli {
namespace {

using vmm::control::Json;

std::string Size(const Json& answer, const char* name) {
  const auto found = answer.find(name);
  if (found == answer.end() || !found->is_number_unsigned()) return "unknown";
  return base::FormatSize(found->get<uint64_t>());
}

}  // namespace

std::string BalloonText(const Json& answer) {
  if (!answer.is_object()) return "unknown\n";
  std::string text =
      fmt::format("guest has    {}\nis to have   {}\nfreed        {}", Size(answer, "actual"),
                  Size(answer, "target"), Size(answer, "reclaimed"));
  if (answer.contains("block-size")) {
    text += fmt::format(", in blocks of {}", Size(answer, "block-size"));
  }
  if (const auto inert = answer.find("inert"); inert != answer.end() && inert->is_string()) {
    text += fmt::format("\ninert        {}", inert->get<std::string>());
  }
  if (answer.value("driver", Json(true)) == false) text += "\ndriver       none";
  const auto statistics = answer.find("stats");
  if (statistics != answer.end() && statistics->is_object() && !statistics->empty()) {
    text += fmt::format("\nof the guest, {} s ago", answer.value("stats-age", Json(0)).dump());
    for (const auto& [name, value] : statistics->items()) {
      text += fmt::format("\n  {} {}", name, value.dump());
    }
  }
  return text + "\n";
}

}  // namespace cli
