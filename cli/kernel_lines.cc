#include "cli/kernel_lines.h"

#include "cli/table.h"

namespace cli {
namespace {

bool IsOfAChange(base::Code code) {
  return code == base::Code::kKernel || code == base::Code::kTimedOut ||
         code == base::Code::kPartial || code == base::Code::kDenied;
}

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

std::vector<sysfs::LogLine> KernelLines(const Context& context, const base::Error& error) {
  if (!context.kernel_log || !IsOfAChange(error.code())) return {};
  const auto devices = sysfs::NamedDevices(error.message());
  return sysfs::LinesAbout(context.kernel_log(), devices);
}

std::string KernelLinesText(const std::vector<sysfs::LogLine>& lines) {
  std::string text;
  for (const sysfs::LogLine& one : lines) {
    text += "  kernel: " + Printable(one.line) + "\n";
    if (!one.meaning.text.empty()) text += "    meaning: " + one.meaning.text + "\n";
    if (!one.meaning.cure.empty()) text += "    cure: " + one.meaning.cure + "\n";
  }
  return text;
}

Json KernelLinesJson(const std::vector<sysfs::LogLine>& lines) {
  Json list = Json::array();
  for (const sysfs::LogLine& one : lines) {
    list.push_back({{"line", one.line},
                    {"meaning", OrNull(one.meaning.text)},
                    {"cure", OrNull(one.meaning.cure)}});
  }
  return list;
}

}  // namespace cli
