// A tree some of whose files, folders and links cannot be read.
#pragma once

#include <set>
#include <string>

#include "sysfs/writing_tree.h"

namespace test {

class UnreadableTree final : public sysfs::WritingTree {
 public:
  UnreadableTree(sysfs::Tree& below, std::set<std::string> unreadable, int err)
      : WritingTree(below), unreadable_(std::move(unreadable)), err_(err) {}

  base::Result<std::string> Read(const std::string& path) const override {
    if (unreadable_.contains(path)) return base::FailErrno(path, err_);
    return WritingTree::Read(path);
  }
  base::Result<std::vector<std::string>> List(const std::string& path) const override {
    if (unreadable_.contains(path)) return base::FailErrno(path, err_);
    return WritingTree::List(path);
  }
  base::Result<std::string> ReadLink(const std::string& path) const override {
    if (unreadable_.contains(path)) return base::FailErrno(path, err_);
    return WritingTree::ReadLink(path);
  }
  base::Status Write(const std::string& path, std::string_view value) override {
    return below().Write(path, value);
  }

 private:
  std::set<std::string> unreadable_;
  int err_;
};

}  // namespace test
