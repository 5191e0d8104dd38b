// `vmm run --managed`: the devices leave the host's drivers for the machine and come back at its
// end, by the code and the records of `vassign with`.
#pragma once

#include <CLI/App.hpp>

#include "cli/assignment/loan.h"
#include "cli/context.h"
#include "cli/force_option.h"
#include "sysfs/base/kernel.h"
#include "vmm/options.h"
#include "vmm/ram/populate.h"

namespace cli {

// Of guest RAM that gets its pages before the start.
vmm::PopulateProgress MemoryProgress(Context& context);

struct ManagedOptions {
  bool wanted = false;
  bool group = false;
  ForceOption force;

  void Add(CLI::App& command);
};

// The devices that have to be taken: those on a VFIO driver are left as they are.
base::Result<LoanRequest> ManagedRequest(const sysfs::Tree& tree, const vmm::Options& options,
                                         const ManagedOptions& managed);

// What `run --managed` would refuse, before anything is touched; for `vmm plan`.
base::Status CheckManaged(Context& context, const vmm::Options& options,
                          const ManagedOptions& managed);

// The machine's status. Refusals are those of `vassign bind`, before anything is touched; a start
// that fails gives the devices back. kPartial when a device could not be given back.
base::Result<int> RunManaged(Context& context, base::Kernel& kernel, const vmm::Options& options,
                             const ManagedOptions& managed);

}  // namespace cli
