// A guest's statistics of its memory (virtio 1.2, 5.5.6.3). Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace vmm::virtio {

// By tag, as QEMU names them; the last six are of Linux 6.12.
inline constexpr std::array<std::string_view, 16> kStatisticNames = {
    "stat-swap-in",      "stat-swap-out",     "stat-major-faults",     "stat-minor-faults",
    "stat-free-memory",  "stat-total-memory", "stat-available-memory", "stat-disk-caches",
    "stat-htlb-pgalloc", "stat-htlb-pgfail",  "stat-oom-kills",        "stat-alloc-stalls",
    "stat-async-scans",  "stat-direct-scans", "stat-async-reclaims",   "stat-direct-reclaims"};

// Nothing where the guest tells none.
using Statistics = std::array<std::optional<uint64_t>, kStatisticNames.size()>;

inline constexpr size_t kStatisticBytes = 10;
inline constexpr size_t kMostStatistics = 256;

// Entries of a tag and a value; unknown tags and what is no whole entry are passed over, of one tag
// the last counts. Of at most kMostStatistics.
Statistics ParseStatistics(std::span<const std::byte> bytes);

}  // namespace vmm::virtio
