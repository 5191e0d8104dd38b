// The declarative file and what vassign writes of it: text of a person, and files that may be
// damaged.
#include <string>

#include "cli/config/config.h"
#include "cli/declared/transaction.h"
#include "tests/fuzz/input.h"

namespace {

void CheckConfig(const std::string& text) {
  const auto config = cli::ParseConfig(text, "f.toml");
  if (!config) {
    test::Check(config.error().code() == base::Code::kUsage,
                "a wrong file is a mistake of its writer");
    test::Check(config.error().message().starts_with("f.toml:"), "a mistake has its place");
    return;
  }
  for (const cli::Entry& entry : *config) {
    const auto again = cli::ParseConfig(cli::FormatEntry(entry), "g.toml");
    test::Check(again && again->size() == 1, "what we write is taken");
    const cli::Entry& other = again->front();
    test::Check(entry.name == other.name && entry.match == other.match &&
                    entry.driver == other.driver && entry.force == other.force &&
                    entry.functions == other.functions && entry.access == other.access,
                "an entry comes back as it was");
    test::Check(entry.match.serial || entry.match.mac || (entry.match.path && entry.match.id),
                "no entry names a card by its address alone");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckConfig(text);
  // Most bytes are no TOML: the same bytes as the value of a key that is.
  std::string value;
  for (const char c : text) value += c == '"' || c == '\\' || c == '\n' ? '_' : c;
  for (const char* key : {"serial", "mac", "path", "id"}) {
    CheckConfig("[[device]]\nname = \"a\"\nmatch = { serial = \"S\", " + std::string(key) +
                " = \"" + value + "\" }\ndriver = \"vfio-pci\"\n");
  }
  if (const auto pin = cli::ParsePin(text))
    test::Check(cli::FormatPin(*pin) == text, "a pin is what we would write");
  if (const auto apply = cli::ParseTransaction(text))
    test::Check(cli::FormatTransaction(*apply) == text, "a transaction is what we would write");
  return 0;
}
