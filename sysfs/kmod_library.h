// libkmod, which is not linked.
#pragma once

#include "sysfs/base/library.h"

namespace sysfs {

// Has to be loaded before a call of <libkmod.h>.
base::LazyLibrary& KmodLibrary();

}  // namespace sysfs
