#include "sysfs/evidence/recorded.h"

#include <fmt/format.h>

#include <optional>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr std::string_view kLinkLocal = "link";
constexpr std::string_view kIpv6 = "inet6";

std::optional<HostAddress> ParseAddress(std::string_view line) {
  const auto words = base::Split(line, ' ');
  if (words.size() != 4) return std::nullopt;
  const auto prefix = base::ParseDecimal(words[2], 128);
  if (!prefix) return std::nullopt;
  return HostAddress{std::string(words[0]), std::string(words[1]), words[3] == kLinkLocal,
                     static_cast<unsigned>(*prefix)};
}

std::optional<HostRoute> ParseRoute(std::string_view line) {
  const auto words = base::Split(line, ' ');
  if (words.size() != 5) return std::nullopt;
  const auto table = base::ParseDecimal(words[2], UINT32_MAX);
  const auto count = base::ParseDecimal(words[4], UINT32_MAX);
  if (!table || !count) return std::nullopt;
  return HostRoute{std::string(words[0]), std::string(words[1]), static_cast<uint32_t>(*table),
                   words[3] == kIpv6, static_cast<unsigned>(*count)};
}

template <class Value>
std::vector<Value> ParseLines(std::string_view text,
                              std::optional<Value> (*parse)(std::string_view)) {
  std::vector<Value> values;
  for (const std::string_view line : base::Split(text, '\n')) {
    if (auto value = parse(line)) values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace

std::string FormatAddresses(const std::vector<HostAddress>& addresses) {
  std::string text;
  for (const HostAddress& one : addresses) {
    text += fmt::format("{} {} {} {}\n", one.interface, one.address, one.prefix,
                        one.link_local ? kLinkLocal : "global");
  }
  return text;
}

std::vector<HostAddress> ParseAddresses(std::string_view text) {
  return ParseLines(text, ParseAddress);
}

std::string FormatRoutes(const std::vector<HostRoute>& routes) {
  std::string text;
  for (const HostRoute& one : routes) {
    text += fmt::format("{} {} {} {} {}\n", one.interface, one.destination, one.table,
                        one.is_ipv6 ? kIpv6 : "inet", one.count);
  }
  return text;
}

std::vector<HostRoute> ParseRoutes(std::string_view text) { return ParseLines(text, ParseRoute); }

bool TellsUse(const Tree& tree) { return tree.Exists(kRecordedAddresses); }

EvidenceSources RecordedEvidence(const Tree& tree) {
  EvidenceSources sources;
  sources.addresses = [&tree] {
    return ParseAddresses(ReadText(tree, kRecordedAddresses).value_or(std::string()));
  };
  sources.routes = [&tree] {
    return ParseRoutes(ReadText(tree, kRecordedRoutes).value_or(std::string()));
  };
  return sources;
}

}  // namespace sysfs
