// What a machine boots and the tables that it finds, from options and plan.
#pragma once

#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vmm/acpi/tables.h"
#include "vmm/boot/boot.h"
#include "vmm/options.h"
#include "vmm/plan.h"

namespace vmm {

acpi::AcpiTables MakeTables(const Options& options, const Layout& layout);

// The user's kernel and initrd, or the default guest's. Errors name the file.
base::Result<boot::BootImage> OpenImage(const sysfs::Tree& tree, const Options& options,
                                        const MachinePlan& plan, base::GuestPhys rsdp);

}  // namespace vmm
