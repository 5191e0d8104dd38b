// Whether a device works after all that, by a driver that keeps the rules.
#pragma once

#include "tests/guest/hostile/target.h"

namespace guest::hostile {

// Before anything else: what no device may reach from now on.
void MarkMemory();
// False, and a message, when something of it has changed.
bool MemoryIsWhole();
// Resets the device and uses it. What a read-only disk holds is learnt from its first checks.
bool Check(Target& target, Random& random, uint32_t number);

}  // namespace guest::hostile
