// The phases of sriov/plan.h, performed one after the other, each planned on what is there then.
#pragma once

#include "sriov/plan.h"
#include "sriov/session.h"

namespace sriov {

// Leaves a failed change where it stopped; the caller reaches for what was there before. kPartial
// when the driver enabled fewer functions than asked for: those are as wanted.
base::Status Reach(Session& session, const Goal& goal);

}  // namespace sriov
