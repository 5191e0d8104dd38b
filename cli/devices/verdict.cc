#include "cli/devices/verdict.h"

#include "cli/devices/use_marks.h"
#include "sysfs/drivers.h"

namespace cli {

DeviceVerdict JudgeInALine(const Context& context, const HostView& host,
                           const sysfs::PciDevice& device) {
  if (const base::Status status = host.Assignable(device); !status) {
    std::string text = status.error().message();
    const std::string prefix = device.address.ToString() + ": ";
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
    return {false, std::move(text)};
  }
  if (context.use_marks) {
    const std::string marks = Marks(context.use_marks(device));
    if (!marks.empty()) return {false, "in use: " + marks};
  }
  const bool is_bound = device.driver && sysfs::IsVfioDriver(*context.tree, *device.driver);
  return {true, std::string(is_bound ? "ready for a guest" : "can be assigned") +
                    (context.use_marks ? "" : " if nothing uses it")};
}

}  // namespace cli
