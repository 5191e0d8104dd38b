#include "cli/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace cli {
namespace {

// Levenshtein's distance, one row at a time.
size_t EditDistance(std::string_view from, std::string_view to) {
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= from.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> Nearest(std::string_view text, const std::vector<std::string>& candidates,
                                 size_t limit) {
  constexpr size_t kLongest = 64;  // longer text is no typing mistake
  if (text.empty() || text.size() > kLongest) return {};
  const size_t tolerance = text.size() < 4 ? 1 : std::max<size_t>(2, text.size() / 4);
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const std::string& candidate : candidates) {
    const bool is_part = candidate.find(text) != std::string::npos;
    const size_t distance = is_part ? 0 : EditDistance(text, candidate.substr(0, kLongest));
    if (distance <= tolerance) ranked.emplace_back(distance, candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> nearest;
  for (auto& [distance, candidate] : ranked) {
    if (nearest.size() == limit) break;
    nearest.push_back(std::move(candidate));
  }
  return nearest;
}

}  // namespace cli
