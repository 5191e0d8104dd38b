// The one error type of both programs and the result that carries it.
//
// A function that can fail on the host's side returns Result<T>. Guest input never becomes an
// Error: a device answers all ones or ignores the write. Code is the exit status contract
// (docs/architecture.md), so that what a library function finds out reaches a script unchanged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace base {

enum class Code : uint8_t {
  kInternal = 1,      // our own mistake
  kUsage = 2,         // malformed address, wrong option, unusable file
  kNotFound = 3,      // no such device, or an ambiguous selector
  kInUse = 4,         // somebody needs the device
  kUnfit = 5,         // IOMMU, interrupt remapping or group does not allow it
  kDenied = 6,        // permission, resource limit or lockdown
  kKernel = 7,        // the kernel refused; err() says how
  kTimedOut = 8,      // the step may still finish
  kLocked = 9,        // another run holds the host lock
  kPartial = 10,      // done in part; the message says which part
  kDiffers = 11,      // plan found differences
  kUnsupported = 12,  // this kernel or machine lacks what is needed
};

// One use that stands in the way, for a reader that is no person; the message says the same.
struct Use {
  std::string kind;               // "mount", "route", ...
  std::string detail;             // a sentence
  std::vector<std::string> path;  // from the device to what needs it
  std::string reason;             // the word of --force= that overrides; empty: none does
  std::string risk;
  std::string cure;
  bool refuses = true;  // otherwise it is only worth knowing
  bool operator==(const Use&) const = default;
};

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message, int err = 0)
      : code_(code), err_(err), message_(std::move(message)) {}

  Code code() const { return code_; }
  // errno of the failed call, 0 when no system call failed.
  int err() const { return err_; }
  // Object and cause: "0000:08:00.0: bound to nvme".
  const std::string& message() const { return message_; }
  // The cure: a command or a setting; empty when there is none.
  const std::string& hint() const { return hint_; }
  // With kInUse: by what.
  const std::vector<Use>& uses() const { return uses_; }

  // Puts the outer object in front: "open group 14: Device or resource busy".
  Error With(std::string_view outer) &&;
  Error WithHint(std::string hint) &&;
  Error WithCode(Code code) &&;
  Error WithUses(std::vector<Use> uses) &&;

 private:
  Code code_;
  int err_;
  std::string message_;
  std::string hint_;
  std::vector<Use> uses_;
};

using Failure = tl::unexpected<Error>;

template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

using Status = Result<void>;

Failure Fail(Code code, std::string message);
Failure Fail(Code code, std::string message, std::string hint);
// "what: strerror(err)"; EACCES and EPERM become kDenied, ENOENT and ENODEV kNotFound, all others
// kKernel.
Failure FailErrno(std::string_view what, int err);

namespace internal {
template <class T>
T TakeValue(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace internal

}  // namespace base

#define BASE_CONCAT_INNER(a, b) a##b
#define BASE_CONCAT(a, b) BASE_CONCAT_INNER(a, b)
#define BASE_TRY_NAMED(name, expression)               \
  __extension__({                                      \
    auto name = (expression);                          \
    if (!name) [[unlikely]]                            \
      return ::base::Failure(std::move(name).error()); \
    ::base::internal::TakeValue(std::move(name));      \
  })
// The value of a Result, or returns its failure from the enclosing function.
#define TRY(expression) BASE_TRY_NAMED(BASE_CONCAT(try_result_, __COUNTER__), expression)
