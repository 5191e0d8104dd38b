// What a hostile driver does with registers: of the function, of its configuration space, of MSI-X.
#pragma once

#include "tests/guest/hostile/target.h"

namespace guest::hostile {

// As a driver begins, with mistakes: the device works afterwards, mostly.
void Begin(Target& target, Random& random);
void ResetDevice(const Target& target);

// One access of no sense each.
void TouchBar(Target& target, Random& random);
void TouchCommon(Target& target, Random& random);
void TouchDoorbell(const Target& target, Random& random);
void TouchConfig(const Target& target, Random& random);
void TouchWindow(const Target& target, Random& random);
void TouchMsix(const Target& target, Random& random);
// Decoding, bus mastering and pins on and off, and the BAR somewhere else.
void TouchCommand(Target& target, Random& random);
void ResetBus(Target& target);

}  // namespace guest::hostile
