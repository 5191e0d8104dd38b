#include "cli/devices/device_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "cli/devices/assignable.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

constexpr const char* kGroup =
    "Filters (repeat one for alternatives; different ones must all hold)";

struct ClassWord {
  std::string_view word;
  std::string_view code;
};
constexpr std::array<ClassWord, 10> kClassWords = {{{"storage", "01"},
                                                    {"net", "02"},
                                                    {"display", "03"},
                                                    {"multimedia", "04"},
                                                    {"bridge", "06"},
                                                    {"communication", "07"},
                                                    {"system", "08"},
                                                    {"usb", "0c03"},
                                                    {"accelerator", "12"},
                                                    {"nvme", "010802"}}};

std::string Lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
  return result;
}

// The leading digits of the class code that are asked for.
std::string ClassDigits(const std::string& value) {
  const auto* const word = std::find_if(kClassWords.begin(), kClassWords.end(),
                                        [&](const ClassWord& one) { return one.word == value; });
  if (word != kClassWords.end()) return std::string(word->code);
  return Lower(value.starts_with("0x") ? value.substr(2) : value);
}

template <class Value, class Predicate>
bool AnyOrNone(const std::vector<Value>& values, Predicate matches) {
  return values.empty() || std::any_of(values.begin(), values.end(), matches);
}

bool IsVendor(const std::string& value, uint16_t vendor, const sysfs::Names& names) {
  const std::string_view digits =
      value.starts_with("0x") ? std::string_view(value).substr(2) : std::string_view(value);
  constexpr size_t kDigits = 4;
  if (const auto number = base::ParseHex(digits, UINT16_MAX); number && digits.size() == kDigits)
    return *number == vendor;
  return Lower(names.Vendor(vendor).value_or("")).find(Lower(value)) != std::string::npos;
}

// Asked of the tree where only the brief facts were read.
bool IsPhysicalFunction(const sysfs::PciDevice& device, const sysfs::Tree& tree) {
  return device.sriov_totalvfs || tree.Exists(device.path() + "/sriov_totalvfs");
}

}  // namespace

std::string ClassWords() {
  std::vector<std::string_view> words;
  for (const ClassWord& one : kClassWords) words.push_back(one.word);
  return fmt::format("{}", fmt::join(words, ", "));
}

base::Status CheckFilter(const DeviceFilter& filter, const Context& context) {
  constexpr size_t kClassLength = 6;
  for (const std::string& value : filter.classes) {
    const std::string digits = ClassDigits(value);
    const bool is_even = digits.size() % 2 == 0 && digits.size() <= kClassLength;
    if (!is_even || !base::ParseHex(digits))
      return base::Fail(base::Code::kUsage, "--class " + base::Quote(value) + ": no such class",
                        "use one of " + ClassWords() + ", or digits of the class code like 0108");
  }
  if (filter.free && !context.use_marks)
    return base::Fail(base::Code::kUsage, "--free: this recorded host does not tell what is in use",
                      "leave --sysroot away to ask the running host, or record it by vassign "
                      "snapshot");
  return {};
}

sysfs::Detail DetailFor(const DeviceFilter& filter) {
  if (!filter.nodes.empty()) return sysfs::Detail::kUnlocked;
  return filter.virtual_functions ? sysfs::Detail::kBrief : sysfs::Detail::kIdentity;
}

namespace {

// Who asks for what is free may take it: the close look, at those for which it makes a difference.
bool IsFree(const sysfs::PciDevice& device, const Context& context) {
  const auto is_needed = [&](const auto& look) {
    const auto uses = look(device);
    return std::any_of(uses.begin(), uses.end(), [](const auto& piece) { return piece.refuses; });
  };
  if (device.is_bridge() || is_needed(context.use_marks)) return false;
  return !context.close_look || !is_needed(context.close_look);
}

}  // namespace

bool Passes(const DeviceFilter& filter, const sysfs::PciDevice& device, const Context& context) {
  const std::string class_code = fmt::format("{:06x}", device.class_code);
  if (!AnyOrNone(filter.classes, [&](const std::string& value) {
        return class_code.starts_with(ClassDigits(value));
      }))
    return false;
  if (!AnyOrNone(filter.drivers, [&](const std::string& value) {
        return device.driver ? *device.driver == value : value == "none";
      }))
    return false;
  if (!AnyOrNone(filter.vendors, [&](const std::string& value) {
        return IsVendor(value, device.vendor, context.names);
      }))
    return false;
  if (!AnyOrNone(filter.groups, [&](unsigned group) { return device.iommu_group == group; }))
    return false;
  if (!AnyOrNone(filter.nodes, [&](unsigned node) {
        return device.numa_node && static_cast<unsigned>(*device.numa_node) == node;
      }))
    return false;
  if (filter.virtual_functions && !device.physfn) return false;
  if (filter.physical_functions && !IsPhysicalFunction(device, *context.tree)) return false;
  if (filter.assignable && !CheckAssignable(*context.tree, device)) return false;
  return !filter.free || IsFree(device, context);
}

void AddFilterOptions(CLI::App& command, DeviceFilter& filter) {
  const auto add = [&](const char* name, auto& values, const char* what, const char* type) {
    command.add_option(name, values, what)->type_name(type)->expected(1)->take_all()->group(kGroup);
  };
  add("--class", filter.classes, "Class by name or by its leading digits: net, 0108", "CLASS");
  add("--driver", filter.drivers, "Driver that is bound; none for no driver", "NAME");
  add("--vendor", filter.vendors, "Vendor number (8086) or a part of its name", "VENDOR");
  add("--group", filter.groups, "IOMMU group", "N");
  add("--numa", filter.nodes, "NUMA node", "N");
  const auto flag = [&](const char* name, bool& value, const char* what) {
    command.add_flag(name, value, what)->group(kGroup);
  };
  flag("--vf", filter.virtual_functions, "SR-IOV virtual functions");
  flag("--pf", filter.physical_functions, "SR-IOV capable physical functions");
  flag("--assignable", filter.assignable, "Endpoints whose IOMMU group allows it");
}

void AddFreeOption(CLI::App& command, DeviceFilter& filter) {
  command.add_flag("--free", filter.free, "Endpoints that nothing on this host needs")
      ->group(kGroup);
}

}  // namespace cli
