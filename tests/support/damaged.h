// What a power cut, a bad disk or another version can make of a file.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace test {

// Cut at each byte, with nothing or zeros for the rest; doubled; of a newer version.
inline std::vector<std::string> Torn(const std::string& whole) {
  std::vector<std::string> torn = {whole + whole};
  for (size_t size = 0; size < whole.size(); ++size) {
    torn.push_back(whole.substr(0, size));
    torn.push_back(torn.back() + std::string(whole.size() - size, '\0'));
  }
  for (const std::string_view version : {"/1\"", "\"version\": 1"}) {
    const size_t found = whole.find(version);
    if (found == std::string::npos) continue;
    torn.push_back(whole);
    torn.back()[whole.find('1', found)] = '2';
  }
  return torn;
}

// Each bit of each byte flipped.
inline std::vector<std::string> Flipped(const std::string& whole) {
  std::vector<std::string> flipped;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      flipped.push_back(whole);
      flipped.back()[at] = static_cast<char>(flipped.back()[at] ^ (1 << bit));
    }
  }
  return flipped;
}

inline std::vector<std::string> Damaged(const std::string& whole) {
  std::vector<std::string> damaged = Torn(whole);
  const std::vector<std::string> flipped = Flipped(whole);
  damaged.insert(damaged.end(), flipped.begin(), flipped.end());
  return damaged;
}

// A new file each time: some file systems wait for the disk when one is written over.
inline void Replace(const std::string& path, const std::string& text) {
  std::filesystem::remove(path);
  std::ofstream(path) << text;
}

}  // namespace test
