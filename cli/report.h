// How an error reaches its reader.
#pragma once

#include <string_view>

#include "cli/context.h"
#include "cli/json_text.h"
#include "sysfs/base/result.h"

namespace cli {

// "PROGRAM: MESSAGE" and "  cure: HINT" on Context::err, with what the kernel said meanwhile; with
// --json one {"error": {...}} object on Context::out instead.
void ReportError(std::string_view program, const base::Error& error, Context& context);

// An error as every document of both programs has it.
Json ErrorJson(const base::Error& error);

// The name of a code in JSON: "not-found", "in-use", ...
std::string_view CodeName(base::Code code);

}  // namespace cli
