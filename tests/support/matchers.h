// Matchers for base::Result: IsOk(), IsOkAnd(matcher), FailsWith(code), FailsWith(code, message
// matcher).
#pragma once

#include <gmock/gmock.h>

#include "sysfs/base/result.h"

namespace base {
inline void PrintTo(const Error& error, std::ostream* out) {
  *out << "code " << static_cast<int>(error.code()) << ": " << error.message();
}
}  // namespace base

namespace test {

MATCHER(IsOk, "") {
  if (!arg.has_value()) *result_listener << arg.error().message();
  return arg.has_value();
}

MATCHER_P(IsOkAnd, inner, "") {
  if (!arg.has_value()) {
    *result_listener << arg.error().message();
    return false;
  }
  return testing::ExplainMatchResult(inner, *arg, result_listener);
}

MATCHER_P(FailsWith, code, "") {
  if (arg.has_value()) return false;
  *result_listener << arg.error().message();
  return arg.error().code() == code;
}

MATCHER_P2(FailsWith, code, message, "") {
  if (arg.has_value()) return false;
  *result_listener << arg.error().message();
  return arg.error().code() == code &&
         testing::ExplainMatchResult(message, arg.error().message(), result_listener);
}

}  // namespace test
