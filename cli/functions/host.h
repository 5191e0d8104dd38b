// The way to virtual functions for the commands that change them.
#pragma once

#include <memory>

#include "cli/assignment_output.h"
#include "cli/context.h"
#include "sriov/host.h"

namespace cli {

// The host and all that its parts point to.
class SriovHost {
 public:
  SriovHost(sysfs::AssignmentHost assignment, Context& context);
  SriovHost(const SriovHost&) = delete;
  SriovHost& operator=(const SriovHost&) = delete;
  ~SriovHost() = default;

  sriov::Host& host() { return host_; }

 private:
  sysfs::AssignmentHost assignment_;
  std::unique_ptr<sriov::VfLinks> links_;
  sriov::Host host_;
};

// kDenied without root, unless nothing is changed.
base::Result<std::unique_ptr<SriovHost>> ReachSriov(Context& context, std::string_view command,
                                                    const ChangingOptions& options);

}  // namespace cli
