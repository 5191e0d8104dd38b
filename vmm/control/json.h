// JSON of the monitor: the type, and text that is always valid.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace vmm::control {

// Members are sorted: a parse costs no more than n log n, whoever chose them.
using Json = nlohmann::json;

// One line without its end; bytes that are no UTF-8 become U+FFFD.
inline std::string Text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vmm::control
