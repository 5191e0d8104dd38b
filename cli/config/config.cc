// toml++ is used in this file alone.
#define TOML_HEADER_ONLY 1  // the packaged library throws
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ASSERT(condition) static_assert(true)  // "[$" meets one, and is a mistake like others
#include "cli/config/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <initializer_list>
#include <set>

#include "sysfs/base/text.h"
#include "sysfs/identity.h"

namespace cli {
namespace {

using base::Code;

// One table of the file, and how to complain about it.
class Reader {
 public:
  Reader(const toml::table& table, const std::string& path) : table_(table), path_(path) {}

  const std::string& path() const { return path_; }
  std::string Place() const { return PlaceOf(table_); }
  std::string PlaceOf(const toml::node& node) const {
    return fmt::format("{}:{}", path_, node.source().begin.line);
  }

  base::Status CheckKeys(std::initializer_list<std::string_view> known) const {
    for (const auto& [key, node] : table_) {
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      return base::Fail(Code::kUsage,
                        fmt::format("{}: unknown key {}", PlaceOf(node), base::Quote(key.str())),
                        fmt::format("known here: {}", fmt::join(known, ", ")));
    }
    return {};
  }

  base::Failure Bad(std::string_view key, std::string_view wanted) const {
    const toml::node* node = table_.get(key);
    return base::Fail(Code::kUsage, fmt::format("{}: {} is not {}", node ? PlaceOf(*node) : Place(),
                                                key, wanted));
  }

  template <class T>
  base::Result<std::optional<T>> Get(std::string_view key, std::string_view wanted) const {
    const toml::node* node = table_.get(key);
    if (!node) return std::optional<T>();
    const auto value = node->value_exact<T>();
    if (!value) return Bad(key, wanted);
    return std::optional<T>(*value);
  }
  base::Result<std::optional<std::string>> Text(std::string_view key) const {
    auto text = TRY(Get<std::string>(key, "a text"));
    const bool is_plain = !text || std::all_of(text->begin(), text->end(), [](unsigned char c) {
      return c >= 0x20 && c != 0x7f;
    });
    if (!is_plain || (text && text->empty())) return Bad(key, "a text without control characters");
    return text;
  }
  base::Result<bool> Flag(std::string_view key) const {
    return TRY(Get<bool>(key, "true or false")).value_or(false);
  }
  base::Result<std::optional<unsigned>> Number(std::string_view key, unsigned most) const {
    const std::string wanted = fmt::format("a number from 0 to {}", most);
    const auto number = TRY(Get<int64_t>(key, wanted));
    if (!number) return std::optional<unsigned>();
    if (*number < 0 || *number > int64_t{most}) return Bad(key, wanted);
    return std::optional<unsigned>(static_cast<unsigned>(*number));
  }
  base::Result<std::optional<Reader>> Table(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (!node) return std::optional<Reader>();
    if (!node->is_table()) return Bad(key, "a table");
    return std::optional<Reader>(Reader(*node->as_table(), path_));
  }
  base::Result<std::vector<Reader>> Tables(std::string_view key) const {
    std::vector<Reader> all;
    const toml::node* node = table_.get(key);
    if (!node) return all;
    const toml::array* array = node->as_array();
    if (!array) return Bad(key, fmt::format("a list: write [[{}]]", key));
    for (const toml::node& one : *array) {
      if (!one.is_table()) return Bad(key, "a list of tables");
      all.emplace_back(*one.as_table(), path_);
    }
    return all;
  }
  const toml::node* Find(std::string_view key) const { return table_.get(key); }

 private:
  const toml::table& table_;
  const std::string& path_;
};

base::Failure At(const Reader& reader, base::Error error) {
  return base::Failure(std::move(error).With(reader.Place()).WithCode(Code::kUsage));
}

std::optional<IdPair> ParseIds(std::string_view text) {
  const auto parts = base::Split(text, ':');
  if (parts.size() != 2 || parts[0].size() != 4 || parts[1].size() != 4) return std::nullopt;
  const auto vendor = base::ParseHex(parts[0], UINT16_MAX);
  const auto device = base::ParseHex(parts[1], UINT16_MAX);
  if (!vendor || !device) return std::nullopt;
  return IdPair{static_cast<uint16_t>(*vendor), static_cast<uint16_t>(*device)};
}

base::Result<std::optional<IdPair>> Ids(const Reader& reader, std::string_view key) {
  const auto text = TRY(reader.Text(key));
  if (!text) return std::optional<IdPair>();
  const auto pair = ParseIds(*text);
  if (!pair) return reader.Bad(key, "VENDOR:DEVICE, four hexadecimal digits each");
  return pair;
}

base::Status CheckMatch(const Reader& reader, const Match& match) {
  if (match.serial || match.mac || (match.path && match.id)) return {};
  return base::Fail(Code::kUsage,
                    reader.Place() +
                        ": match has to name the card: a serial, a mac, or a path "
                        "together with an id",
                    match.address || match.path
                        ? "an address or a place alone would meet any card that sits there one "
                          "day; vassign bind --persist DEV writes a whole entry"
                        : "vassign show DEV tells what a device has");
}

base::Result<Match> ReadMatch(const Reader& reader) {
  TRY(reader.CheckKeys({"path", "address", "id", "subsystem", "serial", "mac"}));
  Match match;
  if (const auto path = TRY(reader.Text("path"))) {
    auto parsed = sysfs::ParsePciPath(*path);
    if (!parsed) return At(reader, std::move(parsed.error()));
    match.path = std::move(*parsed);
  }
  if (const auto address = TRY(reader.Text("address"))) {
    auto parsed = sysfs::PciAddress::Parse(*address);
    if (!parsed) return At(reader, std::move(parsed.error()));
    match.address = *parsed;
  }
  match.id = TRY(Ids(reader, "id"));
  match.subsystem = TRY(Ids(reader, "subsystem"));
  match.serial = TRY(reader.Text("serial"));
  if (const auto mac = TRY(reader.Text("mac"))) {
    auto parsed = sriov::MacAddress::Parse(*mac);
    if (!parsed) return At(reader, std::move(parsed.error()));
    match.mac = parsed->ToString();
  }
  TRY(CheckMatch(reader, match));
  return match;
}

base::Result<std::optional<sriov::LinkState>> ReadLink(const Reader& reader) {
  const auto text = TRY(reader.Text("link"));
  if (!text) return std::optional<sriov::LinkState>();
  for (const auto state :
       {sriov::LinkState::kAuto, sriov::LinkState::kEnable, sriov::LinkState::kDisable}) {
    if (*text == sriov::Name(state)) return std::optional<sriov::LinkState>(state);
  }
  return reader.Bad("link", "\"auto\", \"enable\" or \"disable\"");
}

base::Result<sriov::VfSettings> ReadSettings(const Reader& reader) {
  TRY(reader.CheckKeys({"index", "mac", "vlan", "qos", "trust", "spoof-check", "min-rate",
                        "max-rate", "link", "msix-count"}));
  sriov::VfSettings settings;
  sriov::VfAttributes& attributes = settings.attributes;
  if (const auto mac = TRY(reader.Text("mac"))) {
    auto parsed = sriov::MacAddress::Parse(*mac);
    if (!parsed) return At(reader, std::move(parsed.error()));
    attributes.mac = *parsed;
  }
  const auto vlan = TRY(reader.Number("vlan", 4094));
  const auto qos = TRY(reader.Number("qos", 7));
  if (qos && !vlan) return reader.Bad("qos", "of any use without a vlan");
  if (vlan)
    attributes.vlan =
        sriov::Vlan{static_cast<uint16_t>(*vlan), static_cast<uint8_t>(qos.value_or(0))};
  attributes.trust = TRY(reader.Get<bool>("trust", "true or false"));
  attributes.spoof_check = TRY(reader.Get<bool>("spoof-check", "true or false"));
  const auto least = TRY(reader.Number("min-rate", INT32_MAX));
  const auto most = TRY(reader.Number("max-rate", INT32_MAX));
  if (least || most) attributes.rates = sriov::Rates{least.value_or(0), most.value_or(0)};
  if (most.value_or(0) != 0 && least.value_or(0) > *most)
    return reader.Bad("min-rate", "below max-rate");
  attributes.link = TRY(ReadLink(reader));
  settings.msix_count = TRY(reader.Number("msix-count", 2048));
  return settings;
}

// "index = 2" or "index = \"0-3\"": first and last.
base::Result<std::pair<unsigned, unsigned>> ReadIndices(const Reader& reader, unsigned count) {
  const std::string wanted =
      count == 0 ? "allowed: there are no virtual functions"
                 : fmt::format("a number below {} or a range such as \"0-{}\"", count, count - 1);
  const toml::node* node = reader.Find("index");
  if (!node) return reader.Bad("index", "there: say which function");
  std::optional<uint64_t> first;
  std::optional<uint64_t> last;
  if (const auto number = node->value_exact<int64_t>(); number && *number >= 0) {
    first = last = static_cast<uint64_t>(*number);
  } else if (const auto text = node->value_exact<std::string>()) {
    const auto parts = base::Split(*text, '-');
    first = base::ParseDecimal(parts.front(), UINT16_MAX);
    last = base::ParseDecimal(parts.back(), UINT16_MAX);
    if (parts.size() > 2) first.reset();
  }
  if (!first || !last || *first > *last || *last >= count) return reader.Bad("index", wanted);
  return std::pair(static_cast<unsigned>(*first), static_cast<unsigned>(*last));
}

base::Result<Functions> ReadFunctions(const Reader& reader) {
  TRY(reader.CheckKeys({"count", "driver", "vf"}));
  Functions functions;
  const auto count = TRY(reader.Number("count", UINT16_MAX));
  if (!count) return reader.Bad("count", "there: say how many virtual functions");
  functions.count = *count;
  const auto driver = TRY(reader.Text("driver"));
  const std::map<std::string_view, sriov::Drivers> drivers = {{"auto", sriov::Drivers::kKernel},
                                                              {"none", sriov::Drivers::kNone},
                                                              {"vfio-pci", sriov::Drivers::kVfio}};
  if (driver) {
    const auto found = drivers.find(*driver);
    if (found == drivers.end()) return reader.Bad("driver", "\"vfio-pci\", \"none\" or \"auto\"");
    functions.drivers = found->second;
  }
  for (const Reader& vf : TRY(reader.Tables("vf"))) {
    const sriov::VfSettings settings = TRY(ReadSettings(vf));
    const auto [first, last] = TRY(ReadIndices(vf, functions.count));
    if (settings.attributes.mac && first != last)
      return vf.Bad("mac", "for more than one function");
    for (unsigned i = first; i <= last; ++i) {
      if (!functions.settings.emplace(i, settings).second)
        return vf.Bad("index", fmt::format("new: function {} has its settings already", i));
    }
  }
  return functions;
}

base::Result<Access> ReadAccess(const Reader& reader) {
  TRY(reader.CheckKeys({"user", "group", "mode"}));
  Access access;
  access.user = TRY(reader.Text("user"));
  access.group = TRY(reader.Text("group"));
  if (const auto mode = TRY(reader.Text("mode"))) {
    constexpr std::string_view kWanted = "octal permissions such as \"0660\"";
    unsigned bits = 0;
    if (mode->size() < 3 || mode->size() > 4) return reader.Bad("mode", kWanted);
    for (const char c : *mode) {
      if (c < '0' || c > '7') return reader.Bad("mode", kWanted);
      bits = bits * 8 + static_cast<unsigned>(c - '0');
    }
    if (bits > 0777) return reader.Bad("mode", kWanted);
    access.mode = bits;
  }
  return access;
}

base::Result<sysfs::ForceSet> ReadForce(const Reader& reader) {
  sysfs::ForceSet force;
  const toml::node* node = reader.Find("force");
  if (!node) return force;
  const toml::array* words = node->as_array();
  if (!words) return reader.Bad("force", "a list of reasons");
  for (const toml::node& one : *words) {
    const auto word = one.value_exact<std::string>();
    if (!word) return reader.Bad("force", "a list of texts");
    auto parsed = sysfs::ParseForce(*word);
    if (!parsed) return At(reader, std::move(parsed.error()));
    force.insert(parsed->begin(), parsed->end());
  }
  return force;
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

base::Status CheckEntry(const Reader& reader, const Entry& entry) {
  if (!entry.driver && !entry.functions) {
    return base::Fail(Code::kUsage, reader.Place() + ": the entry wants nothing",
                      "give it a driver, or a table [device.sriov]");
  }
  if (entry.driver && entry.functions) {
    return base::Fail(
        Code::kUsage,
        reader.Place() + ": a device that is given away has no virtual functions here",
        "leave out driver, or [device.sriov]");
  }
  if (entry.group && !entry.driver) return reader.Bad("group", "of use without a driver");
  return {};
}

base::Result<Entry> ReadEntry(const Reader& reader) {
  TRY(reader.CheckKeys(
      {"name", "match", "driver", "group", "optional", "force", "sriov", "access"}));
  Entry entry;
  entry.place = reader.Place();
  const auto name = TRY(reader.Text("name"));
  if (!name || !IsName(*name))
    return reader.Bad("name", "there: up to 64 lower-case letters, digits, '-', '_' and '.'");
  entry.name = *name;
  const auto match = TRY(reader.Table("match"));
  if (!match) return reader.Bad("match", "there: say which device");
  entry.match = TRY(ReadMatch(*match));
  entry.driver = TRY(reader.Text("driver"));
  entry.group = TRY(reader.Flag("group"));
  entry.optional = TRY(reader.Flag("optional"));
  entry.force = TRY(ReadForce(reader));
  if (const auto functions = TRY(reader.Table("sriov")))
    entry.functions = TRY(ReadFunctions(*functions));
  if (const auto access = TRY(reader.Table("access"))) entry.access = TRY(ReadAccess(*access));
  TRY(CheckEntry(reader, entry));
  return entry;
}

}  // namespace

std::string Format(const IdPair& pair) {
  return fmt::format("{:04x}:{:04x}", pair.vendor, pair.device);
}

base::Result<Config> ParseConfig(std::string_view text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return base::Fail(
        Code::kUsage,
        fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()),
        "man vassign.toml shows the form");
  }
  const Reader reader(parsed.table(), path);
  TRY(reader.CheckKeys({"version", "device"}));
  const auto version = TRY(reader.Number("version", UINT16_MAX));
  if (version.value_or(1) != 1) return reader.Bad("version", "1: it is of a newer vassign");
  Config config;
  std::set<std::string> names;
  for (const Reader& one : TRY(reader.Tables("device"))) {
    config.push_back(TRY(ReadEntry(one)));
    if (!names.insert(config.back().name).second)
      return one.Bad("name", "new: the same file has it already");
  }
  return config;
}

}  // namespace cli
