#include "vfio/irq_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>

#include "sysfs/base/text.h"

namespace vfio {
namespace {

constexpr const char* kDevices = "/sys/bus/pci/devices";

std::optional<uint64_t> ReadNumber(const sysfs::Tree& tree, const std::string& device) {
  return sysfs::ReadDecimal(tree, fmt::format("{}/{}/irq", kDevices, device));
}

std::vector<std::string> ReadUsers(const sysfs::Tree& tree, unsigned number) {
  std::vector<std::string> users;
  const auto actions = sysfs::ReadText(tree, fmt::format("/sys/kernel/irq/{}/actions", number));
  if (!actions) return users;
  for (const std::string_view one : base::Split(*actions, ',')) {
    if (!base::Trim(one).empty()) users.emplace_back(base::Trim(one));
  }
  return users;
}

}  // namespace

std::optional<IrqLine> ReadIrqLine(const sysfs::Tree& tree, const sysfs::PciAddress& device) {
  const auto number = ReadNumber(tree, device.ToString());
  if (!number || *number == 0) return std::nullopt;
  IrqLine line{static_cast<unsigned>(*number), {}, {}};
  line.users = ReadUsers(tree, line.number);
  for (const std::string& name : tree.List(kDevices).value_or(std::vector<std::string>())) {
    const auto address = sysfs::PciAddress::Parse(name);
    if (address && *address != device && ReadNumber(tree, name) == number) {
      line.neighbours.push_back(*address);
    }
  }
  return line;
}

base::Error ExplainIntx(base::Error why, const sysfs::PciAddress& device,
                        const std::optional<IrqLine>& line) {
  if (why.err() != EBUSY || !line) return why;
  std::string others;
  for (const sysfs::PciAddress& one : line->neighbours) others += " " + one.ToString();
  std::string message = fmt::format(
      "{}: cannot mask its own interrupt pin (INTx), so that the kernel wants the host's interrupt "
      "{} for it alone; it is used by {}",
      device.ToString(), line->number,
      line->users.empty() ? "others" : fmt::format("{}", fmt::join(line->users, ", ")));
  if (!others.empty()) message += "; on the same line:" + others;
  return base::Error(base::Code::kInUse, std::move(message), EBUSY)
      .WithHint(
          fmt::format("take these from their drivers, put the card into another slot, or give the "
                      "guest's driver MSI or MSI-X; /proc/interrupts, line {}",
                      line->number));
}

}  // namespace vfio
