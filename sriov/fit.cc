#include "sriov/fit.h"

#include <fmt/format.h>

#include <cerrno>

#include "sysfs/base/text.h"

namespace sriov {
namespace {

using sysfs::PciDevice;
using sysfs::Tree;

constexpr size_t kFirstVfBar = 7;  // line of the `resource` file: BARs 0 to 5, the ROM, then these
constexpr size_t kVfBars = 6;
constexpr uint64_t kMemory = 0x200;           // IORESOURCE_MEM
constexpr uint64_t kUnassigned = 0x20000000;  // IORESOURCE_UNSET

constexpr const char* kRoomCure =
    "give the kernel the option pci=realloc, or switch on SR-IOV and \"above 4G decoding\" in the "
    "firmware setup; dmesg | tail shows the kernel's own words";

std::vector<unsigned> HomelessBars(const Tree& tree, const PciDevice& pf) {
  std::vector<unsigned> homeless;
  const auto text = sysfs::ReadText(tree, pf.path() + "/resource");
  if (!text) return homeless;
  const auto lines = base::Split(*text, '\n');
  for (size_t i = 0; i < kVfBars && kFirstVfBar + i < lines.size(); ++i) {
    const auto words = base::Split(base::Trim(lines[kFirstVfBar + i]), ' ');
    if (words.size() != 3) continue;
    const auto start = base::ParseUnsigned(words[0]);
    const auto flags = base::ParseUnsigned(words[2]);
    if (!start || !flags || (*flags & kMemory) == 0) continue;
    if (*start == 0 || (*flags & kUnassigned) != 0) homeless.push_back(static_cast<unsigned>(i));
  }
  return homeless;
}

// Nothing below a host bridge: its buses are not in sysfs.
std::optional<unsigned> LastBus(const Tree& tree, const PciDevice& pf) {
  const auto real = sysfs::RealPath(tree, pf.path());
  if (!real) return std::nullopt;
  const auto value =
      sysfs::ReadDecimal(tree, real->substr(0, real->rfind('/')) + "/subordinate_bus_number");
  if (!value || *value > UINT8_MAX) return std::nullopt;
  return static_cast<unsigned>(*value);
}

unsigned Number(const Tree& tree, const std::string& path) {
  return static_cast<unsigned>(sysfs::ReadDecimal(tree, path).value_or(0) & UINT16_MAX);
}

}  // namespace

FitFacts ReadFit(const Tree& tree, const PciDevice& pf) {
  FitFacts facts;
  facts.pf = pf.address;
  facts.homeless_bars = HomelessBars(tree, pf);
  facts.last_bus = LastBus(tree, pf);
  facts.offset = Number(tree, pf.path() + "/sriov_offset");
  facts.stride = Number(tree, pf.path() + "/sriov_stride");
  return facts;
}

base::Status CheckFit(const FitFacts& facts, unsigned count) {
  if (count == 0) return {};
  const std::string address = facts.pf.ToString();
  if (!facts.homeless_bars.empty()) {
    return base::Fail(base::Code::kUnfit,
                      fmt::format("{}: BAR {} of its virtual functions got no address space",
                                  address, fmt::join(facts.homeless_bars, ", ")),
                      kRoomCure);
  }
  const bool is_known = facts.offset != 0 && (facts.stride != 0 || count == 1);
  if (!is_known || !facts.last_bus) return {};
  const uint64_t last_id =
      facts.pf.routing_id() + uint64_t{facts.offset} + uint64_t{facts.stride} * (count - 1);
  if (last_id >> 8 <= *facts.last_bus) return {};
  return base::Fail(
      base::Code::kUnfit,
      fmt::format("{}: {} virtual functions reach bus {:02x}, the bridge above passes on buses up "
                  "to {:02x}",
                  address, count, last_id >> 8, *facts.last_bus),
      "give the kernel the option pci=assign-busses, switch on ARI in the firmware setup, or ask "
      "for fewer");
}

base::Error ExplainCount(base::Error error, const PciDevice& pf, unsigned count) {
  const std::string address = pf.address.ToString();
  const auto explained = [&](base::Code code, std::string cause, std::string cure) {
    return std::move(error)
        .With(address + ": " + std::move(cause))
        .WithCode(code)
        .WithHint(std::move(cure));
  };
  switch (error.err()) {
    case ENOENT:
      return explained(base::Code::kUnsupported,
                       pf.driver ? *pf.driver + " cannot enable virtual functions"
                                 : "has no driver, and the driver enables virtual functions",
                       "bind it to its own driver (one with a module parameter max_vfs: load it "
                       "with max_vfs=N), "
                       "or to pci-pf-stub or vfio-pci with enable_sriov");
    case EBUSY:
      return explained(base::Code::kInUse, "other virtual functions are enabled or held",
                       "vassign sriov show " + address);
    case ENOMEM:
      return explained(base::Code::kKernel,
                       "no room for the virtual functions: address space or bus numbers",
                       kRoomCure);
    case ENOSPC:
      return explained(
          base::Code::kKernel,
          "the device has not enough of its own (queues, interrupts) for so many functions",
          "ask for fewer, or give its own interface fewer queues (ethtool -L)");
    case ERANGE:
      return explained(
          base::Code::kUsage,
          fmt::format("{} is more than it can have ({})", count, pf.sriov_totalvfs.value_or(0)),
          "vassign sriov show " + address);
    default:
      return error;
  }
}

}  // namespace sriov
