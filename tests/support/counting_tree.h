// A tree that remembers what it was asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/tree.h"

namespace test {

class CountingTree final : public sysfs::Tree {
 public:
  explicit CountingTree(sysfs::Tree& tree) : tree_(tree) {}
  base::Result<std::string> Read(const std::string& path) const override {
    calls.push_back(path);
    return tree_.Read(path);
  }
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override {
    calls.push_back(path);
    return tree_.ReadBytes(path, limit);
  }
  base::Result<std::string> ReadLink(const std::string& path) const override {
    calls.push_back(path);
    return tree_.ReadLink(path);
  }
  base::Result<std::vector<std::string>> List(const std::string& path) const override {
    calls.push_back(path);
    return tree_.List(path);
  }
  bool Exists(const std::string& path) const override {
    calls.push_back(path);
    return tree_.Exists(path);
  }
  base::Status Write(const std::string& path, std::string_view value) override {
    return tree_.Write(path, value);
  }
  mutable std::vector<std::string> calls;

 private:
  sysfs::Tree& tree_;
};

}  // namespace test
