// What a hostile driver does with rings and requests.
#pragma once

#include "tests/guest/hostile/target.h"

namespace guest::hostile {

// A request, right or wrong in one thing, and mostly a kick for it. A tame one breaks no queue.
void GiveRequest(Target& target, Random& random, bool tame);
// Changes what the device has been given, while it works on it.
void Disturb(Target& target, Random& random, bool tame);

}  // namespace guest::hostile
