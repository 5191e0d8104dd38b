#include "cli/report.h"

#include <nlohmann/json.hpp>

#include "cli/exit_status.h"
#include "cli/json_text.h"
#include "cli/kernel_lines.h"
#include "cli/uses_json.h"

namespace cli {

std::string_view CodeName(base::Code code) {
  switch (code) {
    case base::Code::kInternal:
      return "internal";
    case base::Code::kUsage:
      return "usage";
    case base::Code::kNotFound:
      return "not-found";
    case base::Code::kInUse:
      return "in-use";
    case base::Code::kUnfit:
      return "unfit";
    case base::Code::kDenied:
      return "denied";
    case base::Code::kKernel:
      return "kernel";
    case base::Code::kTimedOut:
      return "timed-out";
    case base::Code::kLocked:
      return "locked";
    case base::Code::kPartial:
      return "partial";
    case base::Code::kDiffers:
      return "differs";
    case base::Code::kUnsupported:
      return "unsupported";
  }
  return "internal";
}

Json ErrorJson(const base::Error& error) {
  Json object = {{"code", CodeName(error.code())},
                 {"exit", ExitStatus(error.code())},
                 {"message", error.message()},
                 {"hint", nullptr},
                 {"errno", nullptr}};
  if (!error.hint().empty()) object["hint"] = error.hint();
  if (error.err() != 0) object["errno"] = error.err();
  if (!error.uses().empty()) object["in_use"] = UsesJson(error.uses());
  return object;
}

void ReportError(std::string_view program, const base::Error& error, Context& context) {
  const auto lines = KernelLines(context, error);
  if (!context.json) {
    context.err << program << ": " << error.message() << '\n';
    if (!error.hint().empty()) context.err << "  cure: " << error.hint() << '\n';
    context.err << KernelLinesText(lines);
    return;
  }
  Json object = ErrorJson(error);
  if (!lines.empty()) object["kernel_log"] = KernelLinesJson(lines);
  PrintJson(context.out, {{"error", std::move(object)}});
}

}  // namespace cli
