// --force=REASON,...: the named overrides, for every command that can refuse a device in use.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>
#include <vector>

#include "sysfs/evidence/force.h"

namespace cli {

class ForceOption {
 public:
  CLI::Option* Add(CLI::App& command);
  // For giving a device back: `assigned` alone.
  void AddAssigned(CLI::App& command);
  // kUsage with the list for a bare --force, for an unknown reason and for one that means nothing
  // here.
  base::Result<sysfs::ForceSet> Parse() const;

 private:
  std::vector<std::string> words_;
  CLI::Option* option_ = nullptr;
  bool is_assigned_only_ = false;
};

}  // namespace cli
