#include "cli/machines/machines_folder.h"

#include "vmm/control/registry.h"

namespace cli {

base::Result<std::string> MachinesFolder(const Context& context) {
  if (!context.machines.empty()) return context.machines;
  return vmm::control::RuntimeFolder();
}

}  // namespace cli
