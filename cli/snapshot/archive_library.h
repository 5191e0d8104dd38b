// libarchive, which is not linked.
#pragma once

#include "sysfs/base/library.h"

namespace cli {

// Has to be loaded before a call of <archive.h>.
base::LazyLibrary& ArchiveLibrary();

}  // namespace cli
