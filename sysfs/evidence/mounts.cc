#include "sysfs/evidence/mounts.h"

#include <algorithm>
#include <set>

#include "sysfs/base/text.h"
#include "sysfs/holders.h"

namespace sysfs {
namespace {

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// Blanks and backslashes are written as three octal digits.
std::string Unescape(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size() && IsOctal(text[at + 1]) &&
        IsOctal(text[at + 2]) && IsOctal(text[at + 3])) {
      const int value = (text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0');
      result += static_cast<char>(value);
      at += 3;
    } else {
      result += text[at];
    }
  }
  return result;
}

// A table for each line.
std::vector<OtherMounts> ReadRecorded(const Tree& tree) {
  std::vector<OtherMounts> lines;
  const std::string text = ReadText(tree, kRecordedMounts).value_or(std::string());
  for (const std::string_view line : base::Split(text, '\n')) {
    const size_t blank = line.find(' ');
    if (blank != std::string_view::npos)
      lines.push_back({std::string(line.substr(0, blank)), std::string(line.substr(blank + 1))});
  }
  return lines;
}

}  // namespace

std::vector<Mount> ParseMountInfo(std::string_view text) {
  constexpr size_t kDevice = 2;
  constexpr size_t kPoint = 4;
  constexpr size_t kOptionalFields = 6;
  std::vector<Mount> mounts;
  for (const std::string_view line : base::Split(text, '\n')) {
    const auto words = base::Split(line, ' ');
    if (words.size() < kOptionalFields) continue;
    // Any number of optional fields, then "-", the type and the source.
    const auto dash = std::find(words.begin() + kOptionalFields, words.end(), "-");
    if (words.end() - dash < 3) continue;
    mounts.push_back(
        {std::string(words[kDevice]), Unescape(words[kPoint]), Unescape(*(dash + 2)), ""});
  }
  return mounts;
}

std::vector<Mount> ReadMounts(const Tree& tree) {
  std::vector<Mount> mounts =
      ParseMountInfo(ReadText(tree, "/proc/self/mountinfo").value_or(std::string()));
  std::vector<OtherMounts> others = ReadOtherMounts(tree);
  for (OtherMounts& one : ReadRecorded(tree)) others.push_back(std::move(one));
  for (const OtherMounts& one : others) {
    for (Mount& mount : ParseMountInfo(one.text)) {
      mount.process = one.process;
      mounts.push_back(std::move(mount));
    }
  }
  return mounts;
}

std::vector<OtherMounts> ReadOtherMounts(const Tree& tree) {
  std::vector<OtherMounts> tables;
  std::set<std::string> seen;
  if (const auto own = tree.ReadLink("/proc/self/ns/mnt")) seen.insert(*own);
  for (const int number : ListProcesses(tree)) {
    const std::string pid = std::to_string(number);
    const auto space = tree.ReadLink("/proc/" + pid + "/ns/mnt");
    if (!space || !seen.insert(*space).second) continue;
    if (auto text = ReadText(tree, "/proc/" + pid + "/mountinfo"))
      tables.push_back({pid, std::move(*text)});
  }
  return tables;
}

std::string FormatOtherMounts(const std::vector<OtherMounts>& tables) {
  std::string text;
  for (const OtherMounts& table : tables) {
    for (const std::string_view line : base::Split(table.text, '\n')) {
      if (!line.empty()) text += table.process + " " + std::string(line) + "\n";
    }
  }
  return text;
}

std::vector<std::string> ParseSwaps(std::string_view text) {
  std::vector<std::string> paths;
  const auto lines = base::Split(text, '\n');
  for (size_t index = 1; index < lines.size(); ++index) {
    const std::string_view path = lines[index].substr(0, lines[index].find_first_of(" \t"));
    if (!path.empty()) paths.push_back(Unescape(path));
  }
  return paths;
}

}  // namespace sysfs
