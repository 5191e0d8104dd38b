#include "cli/devices/device_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "sysfs/base/text.h"

namespace cli {
namespace {

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

template <class Predicate>
bool AnyOrNone(const std::vector<std::string>& values, Predicate matches) {
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

}  // namespace

std::string ClassWords() {
  std::vector<std::string_view> words;
  for (const ClassWord& one : kClassWords) words.push_back(one.word);
  return fmt::format("{}", fmt::join(words, ", "));
}

base::Status CheckFilter(const DeviceFilter& filter) {
  constexpr size_t kClassLength = 6;
  for (const std::string& value : filter.classes) {
    const std::string digits = ClassDigits(value);
    const bool is_even = digits.size() % 2 == 0 && digits.size() <= kClassLength;
    if (!is_even || !base::ParseHex(digits))
      return base::Fail(base::Code::kUsage, "--class " + base::Quote(value) + ": no such class",
                        "use one of " + ClassWords() + ", or digits of the class code like 0108");
  }
  return {};
}

bool Passes(const DeviceFilter& filter, const sysfs::PciDevice& device, const sysfs::Tree& tree,
            const sysfs::Names& names) {
  const std::string class_code = fmt::format("{:06x}", device.class_code);
  const auto& groups = filter.groups;
  if (!AnyOrNone(filter.classes, [&](const std::string& value) {
        return class_code.starts_with(ClassDigits(value));
      }))
    return false;
  if (!AnyOrNone(filter.drivers, [&](const std::string& value) {
        return device.driver ? *device.driver == value : value == "none";
      }))
    return false;
  if (!AnyOrNone(filter.vendors,
                 [&](const std::string& value) { return IsVendor(value, device.vendor, names); }))
    return false;
  const bool in_group = device.iommu_group && std::find(groups.begin(), groups.end(),
                                                        *device.iommu_group) != groups.end();
  if (!groups.empty() && !in_group) return false;
  if (filter.virtual_functions && !device.physfn) return false;
  return !filter.physical_functions || tree.Exists(device.path() + "/sriov_totalvfs");
}

}  // namespace cli
