#include "sysfs/evidence/libvirt.h"

#include <optional>
#include <string>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr auto kNowhere = std::string_view::npos;

// The text without <!-- --> comments; what follows an open one is none.
std::string WithoutComments(std::string_view text) {
  std::string rest;
  while (true) {
    const size_t start = text.find("<!--");
    rest += text.substr(0, start);
    if (start == kNowhere) return rest;
    const size_t end = text.find("-->", start + 4);
    if (end == kNowhere) return rest;
    text.remove_prefix(end + 3);
  }
}

// Takes the next element's tag, "<address ... >" without its brackets, off the text.
std::optional<std::string_view> TakeTag(std::string_view& text) {
  const size_t start = text.find('<');
  if (start == kNowhere) return std::nullopt;
  const size_t end = text.find('>', start);
  if (end == kNowhere) return std::nullopt;
  const std::string_view tag = text.substr(start + 1, end - start - 1);
  text.remove_prefix(end + 1);
  return tag;
}

bool IsElement(std::string_view tag, std::string_view name) {
  return tag.starts_with(name) && (tag.size() == name.size() ||
                                   std::string_view(" \t\n/").find(tag[name.size()]) != kNowhere);
}

// The number of an attribute: bus='0x08' or bus="8".
std::optional<uint64_t> Attribute(std::string_view tag, std::string_view name) {
  const std::string key = " " + std::string(name) + "=";
  const size_t at = tag.find(key);
  if (at == kNowhere) return std::nullopt;
  std::string_view value = tag.substr(at + key.size());
  if (value.empty() || (value.front() != '\'' && value.front() != '"')) return std::nullopt;
  const size_t end = value.find(value.front(), 1);
  if (end == kNowhere) return std::nullopt;
  return base::ParseUnsigned(value.substr(1, end - 1));
}

bool IsAddress(std::string_view tag, const PciAddress& address) {
  return IsElement(tag, "address") && Attribute(tag, "domain").value_or(0) == address.domain &&
         Attribute(tag, "bus") == uint64_t{address.bus} &&
         Attribute(tag, "slot") == uint64_t{address.device} &&
         Attribute(tag, "function").value_or(0) == address.function;
}

}  // namespace

bool NamesHostDevice(std::string_view xml, const PciAddress& address) {
  const std::string clean = WithoutComments(xml);
  std::string_view rest = clean;
  bool in_source = false;
  while (const auto tag = TakeTag(rest)) {
    if (IsElement(*tag, "source")) {
      in_source = !tag->ends_with('/');
    } else if (IsElement(*tag, "/source")) {
      in_source = false;
    } else if (in_source && IsAddress(*tag, address)) {
      return true;
    }
  }
  return false;
}

}  // namespace sysfs
