// liblzma and libzstd, which are not linked: a guest whose kernel or initramfs the user gives needs
// neither.
#pragma once

#include "sysfs/base/library.h"

namespace vmm::guest {

// Has to be loaded before a call of <lzma.h>.
base::LazyLibrary& LzmaLibrary();
// Has to be loaded before a call of <zstd.h>.
base::LazyLibrary& ZstdLibrary();

}  // namespace vmm::guest
