// Lines of the kernel's log that concern device assignment, and what they mean. Pure, but for
// reading the log.
//
// The texts are those of the kernel's sources (drivers/iommu, drivers/pci, drivers/vfio,
// arch/x86/kvm) from 5.10 to 6.12; they have changed little, and a line that is not known is not
// guessed at.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/diagnosis/finding.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace sysfs {

// The ring buffer of the running kernel; nothing without the right to read it (CAP_SYSLOG, or
// kernel.dmesg_restrict=0).
std::optional<std::string> ReadKernelLog();
// Where a recorded host keeps it.
inline constexpr const char* kRecordedLog = "/proc/kmsg";

struct LogLine {
  std::string line;  // as the kernel wrote it, without its time
  Finding meaning;   // without text where it is not known
};

// The known lines that concern the device, or, without one, the host. A line that repeats is
// reported once, the latest.
std::vector<LogLine> DecodeKernelLog(std::string_view log, const std::optional<PciAddress>& device);

// All lines that name one of the devices, known or not, each once, in their order; of many the
// latest.
std::vector<LogLine> LinesAbout(std::string_view log, std::span<const PciAddress> devices);

// The devices that a text names by their whole addresses, in their order.
std::vector<PciAddress> NamedDevices(std::string_view text);

// The lines that any of this asks for, and those of the IOMMU; for a recorded host.
std::string KnownLines(std::string_view log);

// Whether the log still holds the boot: otherwise the absence of a line says nothing.
bool HoldsBoot(std::string_view log);

}  // namespace sysfs
