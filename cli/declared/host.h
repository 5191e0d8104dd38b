// The way to the host for the commands of the declarative file.
#pragma once

#include <memory>

#include "cli/declared/plan.h"
#include "cli/functions/host.h"

namespace cli {

class DeclaredReach {
 public:
  explicit DeclaredReach(std::unique_ptr<SriovHost> sriov, const Context& context);
  DeclaredHost& host() { return host_; }

 private:
  std::unique_ptr<SriovHost> sriov_;
  DeclaredHost host_;
};

// kDenied without root, unless nothing is changed. On a recorded host (--sysroot) what only a
// running one has (cards, drives, processes) is left out.
base::Result<std::unique_ptr<DeclaredReach>> ReachDeclared(Context& context,
                                                           std::string_view command,
                                                           const ChangingOptions& options);

// The file that was named, or all below /etc/vassign.
base::Result<Config> ConfigOf(const Context& context, const std::string& file);

}  // namespace cli
