// Which of the known words a mistyped one may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cli {

// At most `limit` candidates, nearest first: those that hold the text, and those that differ in two
// characters, or in a quarter of them when the text is long.
std::vector<std::string> Nearest(std::string_view text, const std::vector<std::string>& candidates,
                                 size_t limit);

}  // namespace cli
