// JSON output of both programs.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

namespace cli {

using Json = nlohmann::ordered_json;

// Indented, with a newline; bytes that are no UTF-8 become U+FFFD, so that text of a device or of
// a recorded host cannot make invalid JSON.
inline void PrintJson(std::ostream& out, const Json& value) {
  out << value.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace cli
