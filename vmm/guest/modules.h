// The kernel modules that go into the guest: drivers of the assigned devices and what those need,
// read from the host and unpacked.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/modules.h"
#include "sysfs/tree.h"

namespace vmm::guest {

// The files for an alias or a name in load order; kNotFound when nothing claims it. On a host this
// is sysfs::ModuleIndex::FilesFor.
using ModuleFinder =
    std::function<base::Result<std::vector<sysfs::ModuleFile>>(const std::string& alias_or_name)>;

struct LoadedModule {
  std::string name;
  std::vector<std::byte> bytes;  // plain ELF
};

struct ModuleSet {
  std::vector<LoadedModule> modules;  // each once, in load order
  std::vector<std::string> driven;    // the aliases for which there is a driver, built in or not
  std::vector<std::string> remarks;   // for each alias without one
};

// `aliases` are the assigned devices'. The modules of `names` are taken when they exist.
base::Result<ModuleSet> CollectModules(const sysfs::Tree& tree, const ModuleFinder& find,
                                       std::span<const std::string> aliases,
                                       std::span<const std::string> names);

}  // namespace vmm::guest
