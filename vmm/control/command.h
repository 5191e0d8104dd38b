// What a client of the monitor may say, as values (QMP specification, 2.3: "execute", "arguments",
// "id").
//
// Names and arguments are QEMU's where the meaning is the same. All pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "vfio/vf_token.h"
#include "vmm/assigned/policy.h"
#include "vmm/control/json.h"
#include "vmm/emulated_request.h"

namespace vmm::control {

// Why a command is not done: the error's class is one of QMP's, the text is for people.
struct Refusal {
  std::string error_class = "GenericError";
  std::string text;
  bool operator==(const Refusal&) const = default;
};
// GenericError with the message and its cure.
Refusal RefusalOf(const base::Error& error);

template <class T>
using Answer = tl::expected<T, Refusal>;

enum class Verb : uint8_t {
  kCapabilities,  // qmp_capabilities
  kQueryBalloon,
  kQueryVersion,
  kQueryCommands,
  kQueryName,
  kQueryKvm,
  kQueryStatus,
  kQueryPci,
  kQueryBlock,
  kStop,
  kCont,
  kPowerdown,  // system_powerdown
  kReset,      // system_reset
  kQuit,
};

// device_add with driver vfio-pci.
struct DeviceAdd {
  sysfs::PciAddress host;
  std::string id;                           // the host's address when none was given
  std::string bus;                          // the port; empty for any free one
  std::optional<uint8_t> devfn;             // addr: device number * 8 + function
  std::string rom;                          // ours: a file or "off"; QEMU's romfile is a file
  std::optional<vfio::VfToken> token = {};  // vf-token
  assigned::ConfigPolicy config = assigned::ConfigPolicy::kStandard;  // ours
  bool operator==(const DeviceAdd&) const = default;
};

// device_add with another driver: an emulated device, whose settings are checked by who makes it.
struct EmulatedAdd {
  std::string driver;
  std::string id;   // empty: by its kind
  std::string bus;  // the port; empty for any free one
  std::vector<EmulatedSetting> settings;
  bool operator==(const EmulatedAdd&) const = default;
};

struct DeviceDel {
  std::string id;
  // Ours: true without asking the guest; false: never, however long it takes; nothing: when the
  // time is over.
  std::optional<bool> force = {};
  std::optional<unsigned> timeout = {};  // ours: seconds that the guest has
  bool operator==(const DeviceDel&) const = default;
};

inline constexpr unsigned kMaxLeaveTime = 86400;

struct BlockResize {
  std::string id;                 // ours: device is QEMU's word
  std::optional<uint64_t> bytes;  // QEMU's size; ours: nothing, as large as it is now
  bool operator==(const BlockResize&) const = default;
};

// balloon: what the guest's RAM is to be.
struct Balloon {
  uint64_t bytes = 0;  // not 0
  bool operator==(const Balloon&) const = default;
};

using Command = std::variant<Verb, DeviceAdd, EmulatedAdd, DeviceDel, BlockResize, Balloon>;

struct Request {
  std::optional<Json> id;  // of any type; comes back with the reply
  Answer<Command> command;
};

// Never fails: what is wrong with the text is in Request::command.
Request ParseRequest(std::string_view text);

// In alphabetical order.
std::vector<std::string_view> CommandNames();

// A device's id: a letter, then letters, digits, '-', '.' and '_', at most 64. kUsage names it.
base::Status CheckDeviceId(std::string_view id);

}  // namespace vmm::control
