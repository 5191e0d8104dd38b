#include "tests/support/recorded_host.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "sysfs/base/text.h"

namespace test {
namespace {

namespace fs = std::filesystem;

struct Entry {
  std::string kind;
  std::string path;
  std::string content;  // of a file, or a link's target
};

// "040: 11 80": bytes over the zeros that are there.
void Overlay(std::string_view line, std::string& bytes) {
  const size_t colon = line.find(':');
  size_t offset = base::ParseHex(line.substr(0, colon)).value_or(bytes.size());
  for (const std::string_view digits : base::Split(base::Trim(line.substr(colon + 1)), ' ')) {
    if (offset >= bytes.size()) break;
    bytes[offset++] = static_cast<char>(base::ParseHex(digits, 0xff).value_or(0));
  }
}

Entry Begin(const std::string& line) {
  const auto words = base::Split(line, ' ');
  Entry entry{std::string(words[0]), std::string(words.size() > 1 ? words[1] : ""), ""};
  if (entry.kind == "link" && words.size() == 3) {
    entry.content = words[2];
  } else if (entry.kind == "bytes" && words.size() == 3) {
    entry.content.assign(base::ParseDecimal(words[2], 1 << 20).value_or(0), '\0');
  } else if (words.size() != 2 || (entry.kind != "dir" && entry.kind != "file")) {
    ADD_FAILURE() << "not a line of a recorded host: " << line;
  }
  return entry;
}

std::vector<Entry> Parse(const std::string& name) {
  std::ifstream file(std::string(TEST_DATA_DIR) + "/" + name);
  EXPECT_TRUE(file.good()) << name;
  std::vector<Entry> entries;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    if (!line.starts_with("  ") || entries.empty()) {
      entries.push_back(Begin(line));
    } else if (entries.back().kind == "bytes") {
      Overlay(base::Trim(line), entries.back().content);
    } else {
      entries.back().content += line.substr(2) + "\n";
    }
  }
  return entries;
}

}  // namespace

std::unique_ptr<FakeTree> LoadHost(const std::string& name) {
  auto tree = std::make_unique<FakeTree>();
  for (const Entry& entry : Parse(name)) {
    if (entry.kind == "dir") tree->AddDirectory(entry.path);
    if (entry.kind == "link") tree->AddLink(entry.path, entry.content);
    if (entry.kind == "file" || entry.kind == "bytes") tree->AddFile(entry.path, entry.content);
  }
  return tree;
}

void WriteHost(const std::string& name, const fs::path& directory) {
  for (const Entry& entry : Parse(name)) {
    const fs::path path = directory / entry.path.substr(1);
    fs::create_directories(entry.kind == "dir" ? path : path.parent_path());
    if (entry.kind == "link") fs::create_symlink(entry.content, path);
    if (entry.kind == "file" || entry.kind == "bytes")
      std::ofstream(path, std::ios::binary) << entry.content;
  }
}

}  // namespace test
