#include "cli/assignment/placeholders.h"

#include <fmt/format.h>

#include "sysfs/base/text.h"

namespace cli {
namespace {

base::Result<std::string> ValueOf(std::string_view inside, const std::vector<Values>& devices) {
  const size_t colon = inside.find(':');
  const std::string_view name = inside.substr(0, colon);
  size_t number = 1;
  if (colon != std::string_view::npos) {
    const auto parsed = base::ParseDecimal(inside.substr(colon + 1), devices.size());
    if (!parsed || *parsed == 0) {
      return base::Fail(base::Code::kUsage, fmt::format("{{{}}}: no such device", inside),
                        fmt::format("numbers are from 1 to {}", devices.size()));
    }
    number = *parsed;
  }
  const Values& values = devices.at(number - 1);
  const auto found = values.find(name);
  if (found == values.end()) {
    std::string known;
    for (const auto& [key, value] : values)
      known += fmt::format("{}{{{}}}", known.empty() ? "" : ", ", key);
    return base::Fail(base::Code::kUsage, fmt::format("{{{}}}: no such word", inside),
                      fmt::format("known are {}; a plain brace is {{{{", known));
  }
  if (found->second.empty()) {
    return base::Fail(base::Code::kUsage, fmt::format("{{{}}}: has no value here", inside),
                      "{cdev} needs a kernel with VFIO_DEVICE_CDEV; descriptors need --fds");
  }
  return found->second;
}

}  // namespace

base::Result<std::string> Expand(std::string_view word, const std::vector<Values>& devices) {
  std::string text;
  for (size_t at = 0; at < word.size(); ++at) {
    if (word[at] != '{') {
      text += word[at];
      continue;
    }
    if (word.substr(at).starts_with("{{")) {
      text += '{';
      ++at;
      continue;
    }
    const size_t end = word.find('}', at);
    if (end == std::string_view::npos) {
      text += word.substr(at);
      break;
    }
    text += TRY(ValueOf(word.substr(at + 1, end - at - 1), devices));
    at = end;
  }
  return text;
}

}  // namespace cli
