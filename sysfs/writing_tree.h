// A tree that reads like another one and has its own way to write.
#pragma once

#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

// Reads go straight to the tree below, which outlives it.
class WritingTree : public Tree {
 public:
  explicit WritingTree(Tree& below) : below_(below) {}

  base::Result<std::string> Read(const std::string& path) const override {
    return below_.Read(path);
  }
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override {
    return below_.ReadBytes(path, limit);
  }
  base::Result<std::string> ReadLink(const std::string& path) const override {
    return below_.ReadLink(path);
  }
  base::Result<std::vector<std::string>> List(const std::string& path) const override {
    return below_.List(path);
  }
  bool Exists(const std::string& path) const override { return below_.Exists(path); }

 protected:
  Tree& below() { return below_; }

 private:
  Tree& below_;
};

}  // namespace sysfs
