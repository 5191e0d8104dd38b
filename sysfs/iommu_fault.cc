#include "sysfs/iommu_fault.h"

#include <algorithm>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr size_t kMaxReason = 100;

// Flags of AMD's event (AMD I/O Virtualization 3.06, 2.5.3).
constexpr uint64_t kInterrupt = 0x008;
constexpr uint64_t kPresent = 0x010;
constexpr uint64_t kWrite = 0x020;

// Removes `prefix` from the front of the text, if it is there.
bool Take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// The text behind `mark`, up to `end`, or to its own end when there is no `end`.
std::optional<std::string_view> Behind(std::string_view text, std::string_view mark,
                                       std::string_view end) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + mark.size());
  return text.substr(0, text.find_first_of(end));
}

std::optional<uint64_t> Hex(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  if (text->starts_with("0x")) text->remove_prefix(2);
  return base::ParseHex(*text);
}

std::string Printable(std::string_view text) {
  std::string printable(base::Trim(text).substr(0, kMaxReason));
  std::replace_if(
      printable.begin(), printable.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return printable;
}

std::optional<IommuFault> ParseIntel(std::string_view line) {
  IommuFault fault;
  fault.any_domain = true;
  fault.write = line.starts_with("Write");
  if (!fault.write && !line.starts_with("Read")) return std::nullopt;
  const auto device = Behind(line, "] Request device [", "]");
  const auto address = Hex(Behind(line, "fault addr ", " "));
  if (!device || !address) return std::nullopt;
  // Bus, device and function alone.
  const auto parsed = PciAddress::Parse(*device);
  if (!parsed || std::count(device->begin(), device->end(), ':') != 1) return std::nullopt;
  fault.device = *parsed;
  fault.address = *address;
  if (const auto reason = Behind(line, "[fault reason ", "")) {
    if (const size_t end = reason->find(']'); end != std::string_view::npos)
      fault.reason = Printable(reason->substr(end + 1));
  }
  return fault;
}

std::optional<IommuFault> ParseAmd(std::string_view event, const std::optional<PciAddress>& owner) {
  const auto address = Hex(Behind(event, " address=", " ]"));
  const auto flags = Hex(Behind(event, " flags=", " ]"));
  if (!address || !flags || (*flags & kInterrupt) != 0) return std::nullopt;
  IommuFault fault;
  if (owner) {
    fault.device = *owner;
  } else {
    const auto device = Behind(event, " device=", " ]");
    if (!device) return std::nullopt;
    const auto parsed = PciAddress::Parse(*device);
    if (!parsed) return std::nullopt;
    fault.device = *parsed;
    // Before 5.19 it was without its segment.
    fault.any_domain = std::count(device->begin(), device->end(), ':') == 1;
  }
  fault.address = *address;
  fault.write = (*flags & kWrite) != 0;
  fault.reason = (*flags & kPresent) != 0 ? "no permission" : "not mapped";
  return fault;
}

}  // namespace

bool IommuFault::IsOf(const PciAddress& other) const {
  return device.routing_id() == other.routing_id() && (any_domain || device.domain == other.domain);
}

std::optional<IommuFault> ParseIommuFault(std::string_view line) {
  constexpr std::string_view kAmdEvent = "AMD-Vi: Event logged [IO_PAGE_FAULT";
  if (Take(line, "DMAR: [DMA ")) return ParseIntel(line);
  if (Take(line, kAmdEvent)) return ParseAmd(line, std::nullopt);
  // "DRIVER ADDRESS: " stands before the event of a device that the kernel knows.
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || line.substr(0, space).find(':') != std::string_view::npos)
    return std::nullopt;
  line.remove_prefix(space + 1);
  const size_t end = line.find(": ");
  if (end == std::string_view::npos) return std::nullopt;
  const auto owner = PciAddress::Parse(line.substr(0, end));
  line.remove_prefix(end + 2);
  if (!owner || !Take(line, kAmdEvent)) return std::nullopt;
  return ParseAmd(line, *owner);
}

}  // namespace sysfs
