#include "sysfs/identity.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "sysfs/apart.h"
#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/text.h"
#include "sysfs/capability.h"
#include "sysfs/place.h"

namespace sysfs {
namespace {

constexpr size_t kConfigSize = 4096;
constexpr std::chrono::seconds kPatience(5);
constexpr size_t kDsnSize = 12;  // header and two double words

std::optional<std::string> ReadSerial(const Tree& tree, const PciDevice& device) {
  const auto controllers = tree.List(device.path() + "/nvme");
  if (!controllers || controllers->empty()) return std::nullopt;
  const auto text =
      ReadText(tree, fmt::format("{}/nvme/{}/serial", device.path(), controllers->front()));
  if (!text || base::Trim(*text).empty()) return std::nullopt;
  // The device's own bytes, not trusted: what no file could hold is none.
  const std::string serial(base::Trim(*text));
  const bool is_plain =
      std::all_of(serial.begin(), serial.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  return is_plain ? std::optional(serial) : std::nullopt;
}

// Eight bytes from the highest on, as lspci and the kernel's pci_get_dsn order them.
std::optional<std::string> ReadDsn(const Tree& tree, const PciDevice& device) {
  const auto config = tree.ReadBytes(device.path() + "/config", kConfigSize);
  if (!config) return std::nullopt;
  const auto at = FindExtendedCapability(*config, ExtendedId::kSerialNumber);
  if (!at || *at + kDsnSize > config->size()) return std::nullopt;
  std::string text;
  for (size_t i = 0; i < 8; ++i)
    text += fmt::format("{}{:02x}", i == 0 ? "" : "-",
                        std::to_integer<unsigned>((*config)[*at + 11 - i]));
  return text;
}

// An interface may have been given another address, by a bond for one; the kernel then says so
// (Documentation/ABI/testing/sysfs-class-net, addr_assign_type).
std::optional<std::string> ReadMac(const Tree& tree, const PciDevice& device,
                                   const PermanentAddress& permanent) {
  const auto interfaces = tree.List(device.path() + "/net");
  if (!interfaces || interfaces->empty()) return std::nullopt;
  const std::string path = fmt::format("{}/net/{}", device.path(), interfaces->front());
  if (const auto own = ReadText(tree, path + "/bonding_slave/perm_hwaddr")) return own;
  if (ReadDecimal(tree, path + "/addr_assign_type") != uint64_t{0}) {
    if (const auto recorded = ReadText(tree, path + kRecordedAddress)) return recorded;
    return permanent ? permanent(interfaces->front()) : std::nullopt;
  }
  return ReadText(tree, path + "/address");
}

}  // namespace

std::string PciPath(const Tree& tree, const PciAddress& address) {
  auto above = ReadBridgesAbove(tree, address);
  if (!above) return {};
  std::vector<PciAddress> hops = std::move(*above);
  hops.push_back(address);
  std::string path = fmt::format("{:04x}:{:02x}", hops.front().domain, hops.front().bus);
  for (const PciAddress& hop : hops) path += fmt::format("/{:02x}.{}", hop.device, hop.function);
  return path;
}

base::Result<std::string> ParsePciPath(std::string_view text) {
  const auto bad = [&] {
    return base::Fail(base::Code::kUsage, base::Quote(text) + ": not the path of a PCI function",
                      "domain and root bus, then device and function of each bridge and of the "
                      "function: 0000:00/1c.0/00.0");
  };
  const auto parts = base::Split(text, '/');
  if (parts.size() < 2) return bad();
  const auto root = base::Split(parts.front(), ':');
  if (root.size() != 2 || root[0].empty() || root[1].empty()) return bad();
  const auto domain = base::ParseHex(root[0], UINT32_MAX);
  const auto bus = base::ParseHex(root[1], UINT8_MAX);
  if (!domain || !bus) return bad();
  std::string path = fmt::format("{:04x}:{:02x}", *domain, *bus);
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto numbers = base::Split(parts[i], '.');
    if (numbers.size() != 2) return bad();
    const auto device = base::ParseHex(numbers[0], 0x1f);
    const auto function = base::ParseHex(numbers[1], 7);
    if (!device || !function) return bad();
    path += fmt::format("/{:02x}.{}", *device, *function);
  }
  return path;
}

namespace {

std::optional<std::string> AskDriver(const std::string& interface) {
  const base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid() || interface.size() >= IFNAMSIZ) return std::nullopt;
  // ethtool_perm_addr with room for the address behind it.
  struct {
    uint32_t command;
    uint32_t size;
    std::array<unsigned char, ETH_ALEN> bytes;
  } answer = {ETHTOOL_GPERMADDR, ETH_ALEN, {}};
  ifreq request = {};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&answer);
  const auto asked = base::HostKernel().Ioctl(socket, SIOCETHTOOL, &request, "SIOCETHTOOL");
  if (!asked || answer.size != ETH_ALEN) return std::nullopt;
  const auto& bytes = answer.bytes;
  if (std::all_of(bytes.begin(), bytes.end(), [](unsigned char one) { return one == 0; }))
    return std::nullopt;
  return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

}  // namespace

PermanentAddress HostPermanentAddress() {
  return [apart = std::make_shared<Apart>(kPatience)](
             const std::string& interface) -> std::optional<std::string> {
    const auto address = apart->Ask(
        interface + "'s permanent address",
        [&]() -> base::Result<std::string> { return AskDriver(interface).value_or(""); });
    return address && !address->empty() ? std::optional(*address) : std::nullopt;
  };
}

Identity ReadIdentity(const Tree& tree, const PciDevice& device, IdentityDetail detail,
                      const PermanentAddress& permanent) {
  Identity identity;
  identity.path = PciPath(tree, device.address);
  identity.vendor = device.vendor;
  identity.device = device.device;
  identity.subsystem_vendor = device.subsystem_vendor;
  identity.subsystem_device = device.subsystem_device;
  identity.serial = ReadSerial(tree, device);
  if (detail == IdentityDetail::kWhole) identity.dsn = ReadDsn(tree, device);
  // The driver is asked, and may wake the device for it.
  identity.mac =
      ReadMac(tree, device, detail == IdentityDetail::kWhole ? permanent : PermanentAddress());
  return identity;
}

}  // namespace sysfs
