// An emulated device as its user describes it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/virtio/balloon/options.h"
#include "vmm/virtio/blk/image.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/net/options.h"

namespace vmm {

// A source of random numbers, which has nothing to choose.
struct RngOptions {
  bool operator==(const RngOptions&) const = default;
};

struct ConsoleRequest {
  std::string file;  // where its output goes, at the end; empty: it is the machine's console
  bool operator==(const ConsoleRequest&) const = default;
};

using EmulatedRequest = std::variant<virtio::BlkOptions, virtio::NetOptions, RngOptions,
                                     virtio::BalloonOptions, ConsoleRequest>;

struct EmulatedKind {
  std::string_view name;    // of the first one but for its number: disk, net, rng, ...
  std::string_view driver;  // as device_add has it, QEMU's names: virtio-blk-pci ...
  std::string_view module;  // Linux's driver, beside virtio_pci
};
EmulatedKind KindOf(const EmulatedRequest& request);
// The most virtqueues that it has.
unsigned QueuesOf(const EmulatedRequest& request);

// A setting of device_add: the text "true" is a name alone, "false" is nothing.
struct EmulatedSetting {
  std::string name;
  std::string value;
  bool operator==(const EmulatedSetting&) const = default;
};
// A disk's or console's "file", a link's "type" (tap, socket), and what --disk and --net take.
// kUsage names the setting, or the driver when there is none such.
base::Result<EmulatedRequest> ParseEmulated(std::string_view driver,
                                            const std::vector<EmulatedSetting>& settings,
                                            unsigned cpus);
// Whether it can join a machine that runs. kUnfit: its threads make no connections.
base::Status CheckHotPlug(const EmulatedRequest& request);
// Of all drivers that ParseEmulated knows.
std::vector<std::string_view> EmulatedDrivers();

}  // namespace vmm
