// A tree some of whose files never answer: what a reader of an attribute sees whose lock is held.
// Or whose reading is a mistake, which fails the test.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace test {

class StuckTree final : public sysfs::Tree {
 public:
  enum Reaction : uint8_t { kHangs, kFails };

  StuckTree(std::unique_ptr<sysfs::Tree> below, std::set<std::string> stuck,
            Reaction reaction = kHangs)
      : below_(std::move(below)), stuck_(std::move(stuck)), reaction_(reaction) {}

  base::Result<std::string> Read(const std::string& path) const override {
    React(path);
    return below_->Read(path);
  }
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override {
    React(path);
    return below_->ReadBytes(path, limit);
  }
  base::Result<std::string> ReadLink(const std::string& path) const override {
    return below_->ReadLink(path);
  }
  base::Result<std::vector<std::string>> List(const std::string& path) const override {
    return below_->List(path);
  }
  bool Exists(const std::string& path) const override { return below_->Exists(path); }
  base::Status Write(const std::string& path, std::string_view value) override {
    return below_->Write(path, value);
  }

 private:
  void React(const std::string& path) const {
    if (!stuck_.contains(path)) return;
    if (reaction_ == kFails) ADD_FAILURE() << path << " was read";
    // A reader that was left behind ends with the test.
    if (reaction_ == kHangs) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (reaction_ == kHangs) ::pause();
  }

  std::unique_ptr<sysfs::Tree> below_;
  std::set<std::string> stuck_;
  Reaction reaction_;
};

}  // namespace test
