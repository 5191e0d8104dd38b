// A tree that reads each file once: for a report over many devices, where the evidence of use asks
// for the same mounts, routes and processes again for each of them.
//
// Shows the host as it was at the first look. Refuses writes. Not thread safe; the tree below
// outlives it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

class CachingTree final : public Tree {
 public:
  explicit CachingTree(const Tree& below) : below_(below) {}

  base::Result<std::string> Read(const std::string& path) const override;
  // Not kept: binary attributes are asked for once.
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override;
  base::Result<std::string> ReadLink(const std::string& path) const override;
  base::Result<std::vector<std::string>> List(const std::string& path) const override;
  bool Exists(const std::string& path) const override;
  base::Status Write(const std::string& path, std::string_view value) override;

 private:
  const Tree& below_;
  mutable std::map<std::string, base::Result<std::string>> texts_;
  mutable std::map<std::string, base::Result<std::string>> links_;
  mutable std::map<std::string, base::Result<std::vector<std::string>>> lists_;
  mutable std::map<std::string, bool> exists_;
};

}  // namespace sysfs
