#include "cli/snapshot/scrub.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <vector>

#include "cli/config/pin.h"
#include "sriov/record.h"
#include "sysfs/assignment/journal.h"
#include "sysfs/base/text.h"
#include "sysfs/capability.h"

namespace cli {
namespace {

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool IsHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

char At(std::string_view text, size_t at) { return at < text.size() ? text[at] : '\0'; }
char Before(std::string_view text, size_t at) { return at == 0 ? '\0' : text[at - 1]; }

// "52:54:00:12:34:56", also longer hardware addresses (InfiniBand).
size_t MacAt(std::string_view text, size_t at) {
  constexpr size_t kPair = 3;
  constexpr size_t kShortest = 6;
  if (IsWord(Before(text, at))) return 0;
  size_t pairs = 0;
  size_t end = at;
  while (IsHex(At(text, end)) && IsHex(At(text, end + 1)) && !IsWord(At(text, end + 2))) {
    ++pairs;
    end += kPair;
    if (At(text, end - 1) != ':') break;
  }
  const bool is_closed = end > at && At(text, end - 1) != ':';
  return pairs >= kShortest && is_closed ? end - at - 1 : 0;
}

// The MAC address in an interface's name: enx525400123456.
size_t NamedMacAt(std::string_view text, size_t at) {
  constexpr std::string_view kPrefix = "enx";
  constexpr size_t kDigits = 12;
  if (at < kPrefix.size() || text.substr(at - kPrefix.size(), kPrefix.size()) != kPrefix) return 0;
  const std::string_view digits = text.substr(at, kDigits);
  const bool is_hex = std::all_of(digits.begin(), digits.end(), IsHex);
  return is_hex && digits.size() == kDigits && !IsWord(At(text, at + kDigits)) ? kDigits : 0;
}

size_t UuidAt(std::string_view text, size_t at) {
  constexpr std::array<size_t, 5> kParts = {8, 4, 4, 4, 12};
  if (IsWord(Before(text, at))) return 0;
  size_t end = at;
  for (const size_t part : kParts) {
    if (end != at && At(text, end++) != '-') return 0;
    for (size_t digit = 0; digit < part; ++digit) {
      if (!IsHex(At(text, end++))) return 0;
    }
  }
  return IsWord(At(text, end)) ? 0 : end - at;
}

size_t Ipv4At(std::string_view text, size_t at) {
  const char before = Before(text, at);
  if (IsWord(before) || before == '.' || before == '-') return 0;
  size_t end = at;
  while (IsDigit(At(text, end)) || At(text, end) == '.') ++end;
  while (end > at && text[end - 1] == '.') --end;  // of a sentence
  in_addr address{};
  const std::string value(text.substr(at, end - at));
  if (IsWord(At(text, end)) || At(text, end) == '-') return 0;
  return ::inet_pton(AF_INET, value.c_str(), &address) == 1 ? value.size() : 0;
}

size_t Ipv6At(std::string_view text, size_t at) {
  const char before = Before(text, at);
  if (IsWord(before) || before == ':' || before == '.') return 0;
  size_t end = at;
  while (IsHex(At(text, end)) || At(text, end) == ':') ++end;
  in6_addr address{};
  const std::string value(text.substr(at, end - at));
  if (value.size() < 4 || IsWord(At(text, end))) return 0;
  return ::inet_pton(AF_INET6, value.c_str(), &address) == 1 ? value.size() : 0;
}

// What says nothing about a host.
bool IsCommon(std::string_view value) {
  const bool is_zero =
      std::all_of(value.begin(), value.end(), [](char c) { return c == '0' || !IsWord(c); });
  const bool is_full = std::all_of(value.begin(), value.end(),
                                   [](char c) { return c == 'f' || c == 'F' || c == ':'; });
  return is_zero || is_full || value.starts_with("127.") || value.starts_with("255.");
}

constexpr std::array<std::string_view, 12> kSerialFiles = {"serial",
                                                           "wwid",
                                                           "wwn",
                                                           "nguid",
                                                           "eui",
                                                           "unique_id",
                                                           "board_serial",
                                                           "product_serial",
                                                           "chassis_serial",
                                                           "phys_switch_id",
                                                           "node_guid",
                                                           "sys_image_guid"};

// "LVM-" and 64 letters: the prefix says who made it, the rest which one it is.
std::string SerialOf(const std::string& path, const std::string& content) {
  const std::string value(base::Trim(content));
  const std::string_view name = base::LastComponent(path);
  if (std::find(kSerialFiles.begin(), kSerialFiles.end(), name) != kSerialFiles.end()) return value;
  constexpr std::string_view kLvm = "LVM-";
  if (path.ends_with("/dm/uuid") && value.starts_with(kLvm)) return value.substr(kLvm.size());
  return {};
}

constexpr std::string_view kPins = "/var/lib/vassign/pins/";

// The declarative file and its pins name cards by serial number.
bool IsDeclared(std::string_view path) {
  return path.starts_with("/etc/vassign/") || path.starts_with(kPins);
}

// What stands in quotes behind the word serial, in TOML or JSON.
void AddSerials(std::string_view text, std::set<std::string>& secrets) {
  constexpr std::string_view kWord = "serial";
  for (size_t at = text.find(kWord); at != std::string_view::npos; at = text.find(kWord, at)) {
    at = text.find_first_not_of(" \t\"'=:", at + kWord.size());
    if (at == std::string_view::npos) return;
    const char quote = text[at - 1];
    const size_t end = text.find(quote, at);
    if ((quote == '"' || quote == '\'') && end != std::string_view::npos)
      secrets.emplace(text.substr(at, end - at));
  }
}

// Device serial numbers in text, "00-11-22-ff-ff-33-44-55", as Config leaves them.
std::string WithoutNumbers(std::string text) {
  constexpr size_t kLength = 23;
  constexpr size_t kPair = 3;
  for (size_t at = 0; at + kLength <= text.size(); ++at) {
    bool is_number = !IsWord(Before(text, at)) && !IsWord(At(text, at + kLength));
    for (size_t i = 0; i < kLength && is_number; ++i)
      is_number = i % kPair == 2 ? text[at + i] == '-' : IsHex(text[at + i]);
    if (is_number) text.replace(at, kLength, "00-00-00-00-00-00-00-00");
  }
  return text;
}

std::string CommandLine(std::string_view text) {
  constexpr std::array<std::string_view, 7> kPrivate = {"password", "passwd",   "secret",   "token",
                                                        "netroot",  "rd.iscsi", "initiator"};
  std::string line;
  for (const std::string_view word : base::Split(text, ' ')) {
    const size_t equals = word.find('=');
    const std::string key = Lower(word.substr(0, equals));
    const bool is_private = equals != std::string_view::npos &&
                            std::any_of(kPrivate.begin(), kPrivate.end(), [&](const auto& one) {
                              return key.find(one) != std::string::npos;
                            });
    if (!line.empty()) line += ' ';
    line += is_private ? std::string(word.substr(0, equals + 1)) + "scrubbed" : std::string(word);
  }
  return line;
}

// Without the device's serial number (PCIe 6.0, 7.9.3).
std::string Config(std::string bytes) {
  constexpr size_t kNumber = 4;
  constexpr size_t kSize = 8;
  const auto at = sysfs::FindExtendedCapability(std::as_bytes(std::span(bytes)),
                                                sysfs::ExtendedId::kSerialNumber);
  if (at && *at + kNumber + kSize <= bytes.size()) bytes.replace(*at + kNumber, kSize, kSize, '\0');
  return bytes;
}

// A record of the journal anew: its checksum is of the scrubbed text.
std::string RecordText(const std::string& path, const std::string& content, Scrubber& scrubber) {
  if (path.ends_with(".sriov")) {
    auto record = sriov::ParseRecord(content);
    if (!record) return scrubber.Text(content);
    record->boot_id = scrubber.Text(record->boot_id);
    for (sriov::FunctionRecord& one : record->functions) {
      auto& mac = one.attributes.mac;
      if (const auto other = mac ? sriov::MacAddress::ParseAny(scrubber.Text(mac->ToString()))
                                 : base::Result<sriov::MacAddress>(sriov::MacAddress());
          mac && other)
        mac = *other;
    }
    return sriov::FormatRecord(*record);
  }
  auto record = sysfs::ParseRecord(content);
  if (!record) return scrubber.Text(content);
  record->boot_id = scrubber.Text(record->boot_id);
  return sysfs::FormatRecord(*record);
}

// The same of a pin.
std::string PinText(const std::string& content, Scrubber& scrubber) {
  const auto clean = [&](std::string text) {
    return scrubber.Text(WithoutNumbers(std::move(text)));
  };
  auto pin = ParsePin(content);
  if (!pin) return clean(content);
  for (auto* const one : {&pin->serial, &pin->dsn, &pin->mac}) {
    if (*one) *one = clean(**one);
  }
  return FormatPin(*pin);
}

}  // namespace

Scrubber::Scrubber(const std::set<std::string>& secrets) {
  constexpr size_t kShortest = 3;
  for (const std::string& secret : secrets) {
    if (secret.size() >= kShortest && !IsCommon(secret))
      secrets_[secret] = fmt::format("scrubbed{}", secrets_.size() + 1);
  }
}

std::string Scrubber::SecretAt(std::string_view text, size_t at) const {
  if (IsWord(Before(text, at)) || secrets_.empty()) return {};
  constexpr size_t kLongest = 256;
  // The longest that begins here: candidates sort behind their prefixes.
  for (auto next = secrets_.upper_bound(std::string(text.substr(at, kLongest)));
       next != secrets_.begin();) {
    --next;
    const std::string& secret = next->first;
    if (text.substr(at).starts_with(secret) && !IsWord(At(text, at + secret.size()))) return secret;
    if (secret.front() != text[at]) break;
  }
  return {};
}

Scrubber::Found Scrubber::Look(std::string_view text, size_t at) const {
  if (const size_t length = UuidAt(text, at)) return {length, Kind::kUuid};
  if (const size_t length = MacAt(text, at)) return {length, Kind::kMac};
  if (const size_t length = NamedMacAt(text, at)) return {length, Kind::kMac};
  if (const size_t length = Ipv4At(text, at)) return {length, Kind::kIpv4};
  if (const size_t length = Ipv6At(text, at)) return {length, Kind::kIpv6};
  return {};
}

std::string Scrubber::Other(Kind kind, std::string_view value) {
  if (IsCommon(value)) return std::string(value);
  std::string key = Lower(value);
  const bool has_colons = value.find(':') != std::string_view::npos;
  if (kind == Kind::kMac) std::erase(key, ':');
  const size_t next = others_.size() + 1;
  const auto [known, is_new] = others_.try_emplace(key);
  std::string& other = known->second;
  if (is_new && kind == Kind::kMac) other = fmt::format("02{:0{}x}", next, key.size() - 2);
  if (is_new && kind == Kind::kUuid) other = fmt::format("00000000-0000-4000-8000-{:012x}", next);
  // The networks for tests of RFC 2544 and for documents of RFC 3849.
  if (is_new && kind == Kind::kIpv4)
    other = fmt::format("198.18.{}.{}", next >> 8 & 0xff, next & 0xff);
  if (is_new && kind == Kind::kIpv6) other = fmt::format("2001:db8::{:x}", next & 0xffff);
  if (kind != Kind::kMac || !has_colons) return other;
  std::string spaced;
  for (size_t digit = 0; digit < other.size(); digit += 2)
    spaced += (spaced.empty() ? "" : ":") + other.substr(digit, 2);
  return spaced;
}

std::string Scrubber::Text(std::string_view text) {
  std::string clean;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (!IsWord(c) && c != ':') {
      clean += c;
      ++at;
      continue;
    }
    if (const std::string secret = SecretAt(text, at); !secret.empty()) {
      clean += secrets_.at(secret);
      at += secret.size();
    } else if (const Found found = Look(text, at); found.length > 0) {
      clean += Other(found.kind, text.substr(at, found.length));
      at += found.length;
    } else {
      clean += c;
      ++at;
    }
  }
  return clean;
}

Recording Scrub(const Recording& recording, const std::string& host_name) {
  std::set<std::string> secrets = {host_name};
  for (const auto& [path, content] : recording.files) {
    secrets.insert(SerialOf(path, content));
    if (IsDeclared(path)) AddSerials(WithoutNumbers(content), secrets);
  }
  Scrubber scrubber(secrets);
  Recording clean;
  for (const auto& [path, content] : recording.files) {
    const bool is_config = path.ends_with("/config");
    if (path.starts_with("/run/vassign/journal/")) {
      clean.files[scrubber.Text(path)] = RecordText(path, content, scrubber);
      continue;
    }
    if (path.starts_with(kPins)) {
      clean.files[scrubber.Text(path)] = PinText(content, scrubber);
      continue;
    }
    std::string text = path == "/proc/cmdline" ? CommandLine(content) : content;
    if (IsDeclared(path)) text = WithoutNumbers(std::move(text));
    clean.files[scrubber.Text(path)] = is_config ? Config(content) : scrubber.Text(text);
  }
  for (const auto& [path, target] : recording.links)
    clean.links[scrubber.Text(path)] = scrubber.Text(target);
  for (const std::string& path : recording.folders) clean.folders.insert(scrubber.Text(path));
  return clean;
}

}  // namespace cli
