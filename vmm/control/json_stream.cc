#include "vmm/control/json_stream.h"

#include <fmt/format.h>

#include <utility>

namespace vmm::control {
namespace {

bool IsBlank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

}  // namespace

base::Status JsonStream::Break(std::string message) {
  place_ = Place::kBroken;
  text_ = std::string();
  return base::Fail(base::Code::kUsage, std::move(message));
}

base::Status JsonStream::Open() {
  if (++depth_ <= kMaxDepth) return {};
  return Break(fmt::format("JSON nested deeper than {} levels", kMaxDepth));
}

base::Status JsonStream::Take(char byte) {
  switch (place_) {
    case Place::kBroken:
      return {};
    case Place::kEscape:
      place_ = Place::kString;
      return {};
    case Place::kString:
      if (byte == '\\') place_ = Place::kEscape;
      if (byte == '"') place_ = Place::kValue;
      return {};
    case Place::kValue:
      break;
  }
  if (byte == '"') place_ = Place::kString;
  if (byte == '{' || byte == '[') return Open();
  if (byte == '}' || byte == ']') --depth_;
  return {};
}

base::Status JsonStream::Feed(std::string_view bytes, std::vector<std::string>& objects) {
  for (const char byte : bytes) {
    if (place_ == Place::kBroken) return {};
    if (text_.empty()) {
      if (IsBlank(byte)) continue;
      if (byte != '{') return Break("not a JSON object");
    }
    if (text_.size() == max_message_) {
      return Break(fmt::format("a message longer than {} bytes", max_message_));
    }
    text_ += byte;
    TRY(Take(byte));
    if (depth_ == 0) objects.push_back(std::exchange(text_, {}));
  }
  return {};
}

}  // namespace vmm::control
