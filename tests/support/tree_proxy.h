// A tree that reads like another one and whose writes go through a function of the test.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace test {

class TreeProxy : public sysfs::Tree {
 public:
  using WriteFunction = std::function<base::Status(const std::string&, std::string_view)>;

  TreeProxy(sysfs::Tree& below, WriteFunction write) : below_(below), write_(std::move(write)) {}

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
  base::Status Write(const std::string& path, std::string_view value) override {
    return write_(path, value);
  }

 private:
  sysfs::Tree& below_;
  WriteFunction write_;
};

}  // namespace test
