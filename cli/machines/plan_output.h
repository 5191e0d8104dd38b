// A machine's preview as text and as JSON (schema "vmm.plan/1", docs/schema/vmm.schema.json).
#pragma once

#include <string>

#include "cli/json_text.h"
#include "vmm/preview/preview.h"

namespace cli {

std::string PreviewText(const vmm::Options& options, const vmm::MachinePreview& preview,
                        bool colour);
Json PreviewJson(const vmm::Options& options, const vmm::MachinePreview& preview);

}  // namespace cli
