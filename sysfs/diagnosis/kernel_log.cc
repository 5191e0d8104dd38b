#include "sysfs/diagnosis/kernel_log.h"

#include <sys/klog.h>

#include <algorithm>
#include <array>
#include <climits>
#include <system_error>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr int kReadAll = 3;      // SYSLOG_ACTION_READ_ALL (syslog(2))
constexpr int kBufferSize = 10;  // SYSLOG_ACTION_SIZE_BUFFER

struct Known {
  std::string_view text;  // somewhere in the line
  Grade grade;
  std::string_view check;
  std::string_view meaning;
  std::string_view cure;
};

// "igb 0000:08:00.0: probe with driver igb failed with error -12" (drivers/base/dd.c).
constexpr std::string_view kProbeFailed = "failed with error -";

// The order matters where two texts fit one line: the first counts.

// Of lines that name the device which they are about.
constexpr std::array kOfDevice = {
    Known{
        "platform RMRR requirement", Grade::kBlocker, "reserved-memory",
        "firmware keeps memory mapped for this device (RMRR); the kernel does not give it to user "
        "space",
        "switch off what uses it in the firmware setup (USB legacy support, management agents), or "
        "use another slot"},
    Known{
        "requested this device have a 1:1 IOMMU mapping", Grade::kBlocker, "reserved-memory",
        "firmware demands a 1:1 mapping for this device; the kernel does not give it to user space",
        "switch off what uses it in the firmware setup (USB legacy support, management agents), or "
        "use another slot"},
    Known{"blocked until device is released", Grade::kWarning, "release",
          "a write to sysfs waits until the process that has the device closes it",
          "end that process: vassign show names it"},
    Known{"Relaying device request to user", Grade::kNote, "release",
          "the kernel has asked the process that has the device to give it back", ""},
    Known{"change power state", Grade::kWarning, "power",
          "the device does not answer to a change of its power state: it may be gone, or without "
          "power",
          "power-cycle the host; keep the device awake: echo on "
          ">/sys/bus/pci/devices/DEV/power/control"},
    Known{"not ready", Grade::kWarning, "reset",
          "the device did not come back from a reset or from sleep in time",
          "power-cycle the host; keep the device awake: echo on "
          ">/sys/bus/pci/devices/DEV/power/control"},
    Known{"can't reserve", Grade::kWarning, "bar",
          "an address range of the device is in use by another driver, often the firmware's "
          "framebuffer",
          "boot with video=efifb:off or initcall_blacklist=sysfb_init"},
    Known{"not enough MMIO resources for SR-IOV", Grade::kWarning, "sriov",
          "the bridge above has no room for the address ranges of virtual functions",
          "enable above-4G decoding in the firmware setup, or boot with pci=realloc"},
    Known{"out of range of [bus", Grade::kWarning, "sriov",
          "the bridge above has no bus numbers left for virtual functions",
          "boot with pci=assign-busses, or use another slot"},
    Known{"Cannot bind to PF with SR-IOV enabled", Grade::kNote, "sriov",
          "a physical function with virtual functions was refused by vfio-pci",
          "vassign sriov set PF 0"},
    Known{kProbeFailed, Grade::kWarning, "probe", "the driver gave up on the device", ""},
};

// Of the host as a whole.
constexpr std::array kOfHost = {
    Known{"DMAR: [DMA Read", Grade::kWarning, "iommu-fault", "the IOMMU has stopped a DMA read",
          "the line names the device and the address"},
    Known{"DMAR: [DMA Write", Grade::kWarning, "iommu-fault", "the IOMMU has stopped a DMA write",
          "the line names the device and the address"},
    Known{"AMD-Vi: Event logged [IO_PAGE_FAULT", Grade::kWarning, "iommu-fault",
          "the IOMMU has stopped a DMA access", "the line names the device and the address"},
    Known{"PCIe ACS overrides enabled", Grade::kWarning, "acs-override",
          "groups were split by a patched kernel: devices in them may reach each other past the "
          "IOMMU",
          "remove pcie_acs_override= from the kernel's command line where guests are not trusted"},
    Known{"BIOS sets x2apic opt out bit", Grade::kWarning, "interrupt-remapping",
          "firmware forbids x2APIC, which some hosts need for interrupt remapping",
          "switch x2APIC on in the firmware setup"},
    Known{"kvm: disabled by bios", Grade::kBlocker, "kvm",
          "firmware has locked the processor's virtualization extensions",
          "switch on VT-x or SVM in the firmware setup"},
    Known{"SVM disabled (by BIOS)", Grade::kBlocker, "kvm",
          "firmware has locked the processor's virtualization extensions",
          "switch on SVM in the firmware setup"},
    Known{"Lockdown:", Grade::kNote, "lockdown",
          "kernel lockdown has refused something to a process", ""},
};

// "[   12.345678] text" without the time, "<6>" in front included.
std::string_view WithoutTime(std::string_view line) {
  if (line.starts_with("<")) {
    if (const size_t end = line.find('>'); end != std::string_view::npos)
      line.remove_prefix(end + 1);
  }
  if (line.starts_with("[")) {
    if (const size_t end = line.find("] "); end != std::string_view::npos)
      line.remove_prefix(end + 2);
  }
  return line;
}

bool Names(std::string_view line, const PciAddress& device) {
  const std::string address = device.ToString();
  const size_t at = line.find(address);
  if (at == std::string_view::npos) return false;
  // 0000:08:00.1 must not be found in 0000:08:00.10 or 10000:08:00.1.
  const auto is_hex = [](char c) {
    return std::string_view("0123456789abcdef").find(c) != std::string_view::npos;
  };
  const size_t end = at + address.size();
  return (at == 0 || !is_hex(line[at - 1])) && (end == line.size() || !is_hex(line[end]));
}

// "Cannot allocate memory", of a line of a probe that failed; empty without a number.
std::string ProbeError(std::string_view line) {
  std::string_view number = line.substr(line.find(kProbeFailed) + kProbeFailed.size());
  number = number.substr(0, number.find_first_not_of("0123456789"));
  const auto err = base::ParseDecimal(number, INT_MAX);
  return err ? std::generic_category().message(static_cast<int>(*err)) : std::string();
}

Finding MeaningOf(const Known& known, std::string_view line) {
  Finding finding;
  finding.check = known.check;
  finding.grade = known.grade;
  finding.text = known.meaning;
  finding.cure = known.cure;
  if (known.text != kProbeFailed) return finding;
  if (const std::string error = ProbeError(line); !error.empty()) finding.text += ": " + error;
  return finding;
}

const Known* FindKnown(std::span<const Known> table, std::string_view line) {
  const auto known = std::find_if(table.begin(), table.end(), [&](const Known& one) {
    return line.find(one.text) != std::string_view::npos;
  });
  return known == table.end() ? nullptr : &*known;
}

}  // namespace

std::optional<std::string> ReadKernelLog() {
  const int size = ::klogctl(kBufferSize, nullptr, 0);
  if (size <= 0) return std::nullopt;
  std::string log(static_cast<size_t>(size), '\0');
  const int read = ::klogctl(kReadAll, log.data(), size);
  if (read < 0) return std::nullopt;
  log.resize(static_cast<size_t>(read));
  return log;
}

std::vector<LogLine> DecodeKernelLog(std::string_view log,
                                     const std::optional<PciAddress>& device) {
  const std::span<const Known> table = device ? std::span<const Known>(kOfDevice) : kOfHost;
  std::vector<LogLine> lines;
  for (const std::string_view raw : base::Split(log, '\n')) {
    const std::string_view line = WithoutTime(raw);
    const Known* const known = FindKnown(table, line);
    if (known == nullptr || (device && !Names(line, *device))) continue;
    const Finding meaning = MeaningOf(*known, line);
    std::erase_if(lines, [&](const LogLine& one) { return one.meaning == meaning; });
    lines.push_back({std::string(line), meaning});
  }
  return lines;
}

std::vector<LogLine> LinesAbout(std::string_view log, std::span<const PciAddress> devices) {
  constexpr size_t kMost = 8;
  std::vector<LogLine> lines;
  for (const std::string_view raw : base::Split(log, '\n')) {
    const std::string_view line = WithoutTime(raw);
    const auto is_named = [&](const PciAddress& device) { return Names(line, device); };
    if (std::none_of(devices.begin(), devices.end(), is_named)) continue;
    std::erase_if(lines, [&](const LogLine& one) { return one.line == line; });
    const Known* const known = FindKnown(kOfDevice, line);
    lines.push_back({std::string(line), known != nullptr ? MeaningOf(*known, line) : Finding()});
  }
  if (lines.size() > kMost) lines.erase(lines.begin(), lines.end() - kMost);
  return lines;
}

std::vector<PciAddress> NamedDevices(std::string_view text) {
  constexpr std::string_view kAddress = "0123456789abcdef:.";
  constexpr size_t kWhole = 12;  // 0000:08:00.0
  std::vector<PciAddress> devices;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_not_of(kAddress, at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = end + 1;
    while (word.ends_with(':') || word.ends_with('.')) word.remove_suffix(1);
    if (word.size() < kWhole) continue;
    const auto device = PciAddress::Parse(word);
    if (device && std::find(devices.begin(), devices.end(), *device) == devices.end())
      devices.push_back(*device);
  }
  return devices;
}

std::string KnownLines(std::string_view log) {
  constexpr std::array<std::string_view, 4> kOthers = {"Linux version ", "DMAR", "AMD-Vi", "iommu"};
  std::string kept;
  for (const std::string_view line : base::Split(log, '\n')) {
    const auto is_in = [&](std::string_view text) {
      return line.find(text) != std::string_view::npos;
    };
    const auto is_known = [&](const Known& known) { return is_in(known.text); };
    if (std::any_of(kOthers.begin(), kOthers.end(), is_in) ||
        std::any_of(kOfDevice.begin(), kOfDevice.end(), is_known) ||
        std::any_of(kOfHost.begin(), kOfHost.end(), is_known))
      kept.append(line).append("\n");
  }
  return kept;
}

bool HoldsBoot(std::string_view log) {
  return log.find("Linux version ") != std::string_view::npos;
}

}  // namespace sysfs
