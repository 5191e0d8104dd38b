// What the tests of the finders share: one finder run on one device, and matchers of its pieces.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sysfs/evidence/parts.h"
#include "tests/support/fake_tree.h"

namespace sysfs {

constexpr PciAddress kAddress{0, 8, 0, 0};
constexpr char kBdf[] = "0000:08:00.0";
constexpr char kPlace[] = "/sys/devices/pci0000:08/0000:08:00.0";

// With the processes that hold what the finder watches.
inline std::vector<Evidence> RunFinder(Findings (*find)(const Search&), const Tree& tree,
                                       const EvidenceSources& sources = {}) {
  const PciDevice device = ReadDevice(tree, kAddress).value();
  const Places places(tree);
  OpenFiles open(tree, sources.device_number);
  Unread unread;
  const Search search = {tree, device, sources, places, open, unread};
  Findings found = find(search);
  AddHolders(search, found.nodes, found.evidence);
  return found.evidence;
}

inline auto Detail(const std::string& text) {
  return testing::Field("detail", &Evidence::detail, testing::HasSubstr(text));
}
inline auto Reason(std::optional<ForceReason> reason) {
  return testing::Field("reason", &Evidence::reason, reason);
}
inline auto Kind(UseKind kind) { return testing::Field("kind", &Evidence::kind, kind); }
inline auto Cure(const std::string& text) {
  return testing::Field("cure", &Evidence::cure, testing::HasSubstr(text));
}
inline auto Path(std::vector<std::string> names) {
  names.insert(names.begin(), kBdf);
  return testing::Field("path", &Evidence::path, names);
}
inline auto Warns() { return testing::Field("refuses", &Evidence::refuses, false); }

}  // namespace sysfs
