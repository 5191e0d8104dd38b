// Cuts a stream of bytes into JSON objects, wherever the bytes are split (QMP specification, 2.1:
// objects follow one another; blanks between them mean nothing).
//
// Only the extent of an object is found here, so that a hostile stream costs at most kMaxMessage
// bytes of memory; whether it is valid is the parser's to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"

namespace vmm::control {

class JsonStream {
 public:
  static constexpr size_t kMaxMessage = size_t{64} * 1024;  // of requests; replies may be longer
  static constexpr unsigned kMaxDepth = 32;

  explicit JsonStream(size_t max_message = kMaxMessage) : max_message_(max_message) {}

  // The objects that are complete now go to `objects`. An error (something else than an object, too
  // long, too deep) is final: what was complete before it is in `objects`, later bytes are ignored.
  base::Status Feed(std::string_view bytes, std::vector<std::string>& objects);

 private:
  enum class Place : uint8_t { kValue, kString, kEscape, kBroken };
  base::Status Take(char byte);
  base::Status Open();
  base::Status Break(std::string message);

  size_t max_message_;
  std::string text_;  // of the object at hand
  unsigned depth_ = 0;
  Place place_ = Place::kValue;
};

}  // namespace vmm::control
