// The exit status contract of both programs: base::Code as it is, 0 when done or already so.
#pragma once

#include "sysfs/base/result.h"

namespace cli {

inline constexpr int kDone = 0;

inline int ExitStatus(base::Code code) { return static_cast<int>(code); }
inline int ExitStatus(const base::Status& status) {
  return status ? kDone : ExitStatus(status.error().code());
}

}  // namespace cli
