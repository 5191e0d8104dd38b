// What a power cut, a bad disk or another version can make of a file.
#pragma once

#include <string>
#include <vector>

namespace test {

// Cut at each byte, doubled, zeroed, each bit of each byte flipped, of a newer version.
inline std::vector<std::string> Damaged(const std::string& whole) {
  std::vector<std::string> damaged = {whole + whole, std::string(whole.size(), '\0')};
  for (size_t size = 0; size < whole.size(); ++size) damaged.push_back(whole.substr(0, size));
  for (size_t at = 0; at < whole.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      damaged.push_back(whole);
      damaged.back()[at] = static_cast<char>(damaged.back()[at] ^ (1 << bit));
    }
  }
  if (const size_t version = whole.find("/1\""); version != std::string::npos) {
    damaged.push_back(whole);
    damaged.back()[version + 1] = '2';
  }
  return damaged;
}

}  // namespace test
