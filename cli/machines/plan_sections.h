// Sections of `vmm plan` that stand for themselves: what serves for a device, the host's memory,
// descriptors. Pure.
#pragma once

#include "cli/json_text.h"
#include "cli/page.h"
#include "vmm/options.h"
#include "vmm/preview/preview.h"

namespace cli {

void AddFallback(Page& page, const vmm::Fallback& fallback);
Json FallbacksJson(const vmm::Options& options);

// The preview has read it.
void AddHostMemory(Page& page, const vmm::Options& options, const vmm::MachinePreview& preview);
// null when it has not.
Json HostMemoryJson(const vmm::Options& options, const vmm::MachinePreview& preview);

// The preview has a plan.
void AddDescriptors(Page& page, const vmm::MachinePreview& preview);
// null when it has none.
Json DescriptorsJson(const vmm::MachinePreview& preview);

}  // namespace cli
