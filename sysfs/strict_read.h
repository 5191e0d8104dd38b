// Reads for what is recorded or decides: what is not known is not "no".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

// Nothing when the file is absent. Fails when it is there and cannot be read, one of a device that
// is being removed included.
base::Result<std::optional<std::string>> ReadIfThere(const Tree& tree, const std::string& path);

// No names when the folder is absent; fails as above.
base::Result<std::vector<std::string>> ListIfThere(const Tree& tree, const std::string& path);

// The last component of the link's target; nothing when there is no link; fails as above.
base::Result<std::optional<std::string>> LinkIfThere(const Tree& tree, const std::string& path);

}  // namespace sysfs
