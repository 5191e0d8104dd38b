// The page of the declarative file against its parser: the same keys, and examples that are taken.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "cli/config/config.h"
#include "sysfs/base/text.h"
#include "tests/support/matchers.h"

namespace cli {
namespace {

using Keys = std::set<std::string>;

std::vector<std::string> Lines() {
  std::ifstream file(CONFIG_PAGE);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// By .SS section: what stands behind .B on the line after .TP.
std::map<std::string, Keys> KeysOfPage() {
  std::map<std::string, Keys> all;
  std::string section;
  bool is_tag = false;
  for (const std::string& line : Lines()) {
    if (line.starts_with(".SH")) section.clear();
    if (line.starts_with(".SS ")) section = line.substr(4);
    if (is_tag && !section.empty()) all[section].insert(line.substr(3));
    is_tag = line == ".TP";
  }
  return all;
}

// What the parser knows there: it says so when it meets something else.
Keys KeysOfParser(const std::string& section) {
  const std::string device = "[[device]]\nname = \"a\"\n";
  const std::string serial = "match = { serial = \"S\" }\n";
  const std::map<std::string, std::string> places = {
      {"file", "x-x = 1\n"},
      {"device", device + "x-x = 1\n"},
      {"match", device + "match = { x-x = 1 }\n"},
      {"device.sriov", device + serial + "[device.sriov]\nx-x = 1\n"},
      {"device.sriov.vf",
       device + serial + "[device.sriov]\ncount = 1\n[[device.sriov.vf]]\nx-x = 1\n"},
      {"access", device + serial + "access = { x-x = 1 }\n"}};
  const auto config = ParseConfig(places.at(section), "f");
  if (config) return {};
  std::string hint = config.error().hint();
  const std::string begin = "known here: ";
  if (!hint.starts_with(begin)) return {config.error().message()};
  Keys keys;
  hint.erase(0, begin.size());
  for (const std::string_view word : base::Split(hint, ',')) keys.emplace(base::Trim(word));
  return keys;
}

TEST(ConfigPage, HasTheKeysOfTheParser) {
  const auto page = KeysOfPage();
  EXPECT_EQ(page.size(), 6u);
  for (const auto& [section, keys] : page) EXPECT_EQ(keys, KeysOfParser(section)) << section;
}

TEST(ConfigPage, ItsExamplesAreTaken) {
  std::string text;
  size_t examples = 0;
  bool is_inside = false;
  for (const std::string& line : Lines()) {
    if (line == ".EE") {
      EXPECT_THAT(ParseConfig(text, "example"), test::IsOkAnd(testing::SizeIs(1)));
      ++examples;
      is_inside = false;
    }
    if (is_inside) text += line + "\n";
    if (line == ".EX") {
      text.clear();
      is_inside = true;
    }
  }
  EXPECT_GE(examples, 2u);
}

}  // namespace
}  // namespace cli
