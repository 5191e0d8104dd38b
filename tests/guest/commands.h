// What the guest can be told to do. Each takes the rest of its line, prints its result, and is
// false when it failed.
#pragma once

#include <string_view>

namespace guest {

bool RunNvme(std::string_view line);
bool RunEdu(std::string_view line);
bool RunPci(std::string_view line);
bool RunConfig(std::string_view line);
bool RunFuzz(std::string_view line);
bool RunChaos(std::string_view line);
bool RunXhci(std::string_view line);
bool RunBalloon(std::string_view line);
bool RunBlk(std::string_view line);
bool RunNet(std::string_view line);
bool RunRng(std::string_view line);
bool RunVirtioHostile(std::string_view line);

}  // namespace guest
