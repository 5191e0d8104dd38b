// The two ways in which a guest addresses configuration space, as devices on its buses.
#pragma once

#include <memory>

#include "vmm/io.h"

namespace vmm::pci {

class HostBridge;

// Ports 0xcf8-0xcff: address register and data window. One-byte accesses to 0xcf9 go to
// `reset_port`.
std::shared_ptr<IoDevice> MakeConfigPorts(std::shared_ptr<HostBridge> bridge,
                                          std::shared_ptr<IoDevice> reset_port);
// The memory-mapped space: 4 KiB for each function.
std::shared_ptr<IoDevice> MakeEcam(std::shared_ptr<HostBridge> bridge);

}  // namespace vmm::pci
