// Command lines of both programs, through CLI11. The one place where its exceptions end.
#pragma once

#include <CLI/App.hpp>
#include <ostream>

#include "sysfs/base/result.h"

namespace cli {

enum class Parsed : uint8_t {
  kCommand,  // options are stored, callbacks have run
  kShown,    // --help or --version has been printed on `out`
};

// A wrong command line is kUsage with what CLI11 says; the hint names the --help to read, and the
// nearest command when there is none of that name.
base::Result<Parsed> Parse(CLI::App& app, int argc, const char* const* argv, std::ostream& out);

}  // namespace cli
