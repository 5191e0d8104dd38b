// Fallbacks of assigned devices as the commands of `vmm` see them: with the host's evidence, and
// with what `--managed` could take.
#pragma once

#include "cli/context.h"
#include "cli/machines/managed_run.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "vmm/fallback/resolve.h"
#include "vmm/options.h"

namespace cli {

// Looks only; nothing is taken.
vmm::Resolved ResolveFallbacks(Context& context, base::Kernel& kernel, const vmm::Options& options,
                               const ManagedOptions& managed);

// For a machine that is about to start: what killed machines have left over the host's interfaces
// goes first; then vmm::TakeFallbacks of what ResolveFallbacks found.
base::Result<vmm::Options> TakeFallbacks(Context& context, base::Kernel& kernel,
                                         const vmm::Options& options,
                                         const ManagedOptions& managed);

}  // namespace cli
