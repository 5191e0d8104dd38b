#include "sysfs/base/result.h"

#include <cerrno>
#include <system_error>

namespace base {
namespace {

Code CodeOf(int err) {
  switch (err) {
    case EACCES:
    case EPERM:
      return Code::kDenied;
    case ENOENT:
    case ENODEV:
      return Code::kNotFound;
    default:
      return Code::kKernel;
  }
}

}  // namespace

Error Error::With(std::string_view outer) && {
  message_ = std::string(outer) + ": " + message_;
  return std::move(*this);
}

Error Error::WithHint(std::string hint) && {
  hint_ = std::move(hint);
  return std::move(*this);
}

Error Error::WithCode(Code code) && {
  code_ = code;
  return std::move(*this);
}

Error Error::WithUses(std::vector<Use> uses) && {
  uses_ = std::move(uses);
  return std::move(*this);
}

Failure Fail(Code code, std::string message) { return Failure(Error(code, std::move(message))); }

Failure Fail(Code code, std::string message, std::string hint) {
  return Failure(Error(code, std::move(message)).WithHint(std::move(hint)));
}

Failure FailErrno(std::string_view what, int err) {
  return Failure(
      Error(CodeOf(err), std::string(what) + ": " + std::generic_category().message(err), err));
}

}  // namespace base
