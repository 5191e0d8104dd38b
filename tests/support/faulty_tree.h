// A tree in which one write goes wrong: it fails, or the process dies around it. A sweep runs the
// same thing over and over, with the fault one write later each time, until none is left.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>

#include "tests/support/tree_proxy.h"

namespace test {

enum class Fault : uint8_t {
  kFails,       // EIO, without effect
  kDiesBefore,  // the process dies, and the write is not made
  kDiesAfter,   // the process dies when the write was made
};

struct Death {};

class FaultyTree final : public TreeProxy {
 public:
  // The fault is at the n-th write; 1 is the first.
  FaultyTree(sysfs::Tree& below, size_t at, Fault fault)
      : TreeProxy(below,
                  [this, &below, at, fault](const std::string& path, std::string_view value) {
                    if (++count_ != at) return below.Write(path, value);
                    has_happened_ = true;
                    if (fault == Fault::kFails) return base::Status(base::FailErrno(path, EIO));
                    if (fault == Fault::kDiesAfter) (void)below.Write(path, value);
                    throw Death();
                  }) {}
  FaultyTree(const FaultyTree&) = delete;
  FaultyTree& operator=(const FaultyTree&) = delete;

  bool has_happened() const { return has_happened_; }

 private:
  size_t count_ = 0;
  bool has_happened_ = false;
};

// Whether the process died in `run`.
template <class Run>
bool Dies(Run run) {
  try {
    run();
  } catch (const Death&) {
    return true;
  }
  return false;
}

}  // namespace test
