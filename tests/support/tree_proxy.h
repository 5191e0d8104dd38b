// A tree that reads like another one and whose writes go through a function of the test.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sysfs/writing_tree.h"

namespace test {

class TreeProxy : public sysfs::WritingTree {
 public:
  using WriteFunction = std::function<base::Status(const std::string&, std::string_view)>;

  TreeProxy(sysfs::Tree& below, WriteFunction write)
      : WritingTree(below), write_(std::move(write)) {}

  base::Status Write(const std::string& path, std::string_view value) override {
    return write_(path, value);
  }

 private:
  WriteFunction write_;
};

}  // namespace test
