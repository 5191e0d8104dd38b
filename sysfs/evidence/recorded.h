// What a recorded host tells of its use beside its own files: texts that are made when it is
// recorded. Who has which file open is not among them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/evidence/evidence.h"
#include "sysfs/tree.h"

namespace sysfs {

// Where a recorded host keeps them.
inline constexpr const char* kRecordedAddresses = "/proc/net/addresses";
inline constexpr const char* kRecordedRoutes = "/proc/net/routes";

// A line each; parsing leaves out what makes no sense.
std::string FormatAddresses(const std::vector<HostAddress>& addresses);
std::vector<HostAddress> ParseAddresses(std::string_view text);
std::string FormatRoutes(const std::vector<HostRoute>& routes);
std::vector<HostRoute> ParseRoutes(std::string_view text);

// Whether the host was recorded with its use. Otherwise nothing that is found says anything.
bool TellsUse(const Tree& tree);
// Its answers; the tree outlives them.
EvidenceSources RecordedEvidence(const Tree& tree);

}  // namespace sysfs
