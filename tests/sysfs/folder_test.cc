// An error between two names cannot be had without a kernel that fails: the lab's sweeps strike getdents64.
#include "sysfs/base/folder.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace base {
namespace {

class NamesInTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "folder-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string path_;
};

TEST_F(NamesInTest, ThereAreAllNamesSorted) {
  std::vector<std::string> wanted;
  // More than one reply of the kernel holds.
  for (int i = 1000; i < 5000; ++i) {
    wanted.push_back(std::to_string(i));
    std::ofstream(path_ + "/" + wanted.back());
  }
  const auto names = NamesIn(path_);
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, wanted);
}

TEST_F(NamesInTest, WhatIsNoFolderIsAnError) {
  const auto missing = NamesIn(path_ + "/missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().err(), ENOENT);
  EXPECT_NE(missing.error().message().find(path_ + "/missing"), std::string::npos);
  std::ofstream(path_ + "/file");
  const auto file = NamesIn(path_ + "/file");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().err(), ENOTDIR);
}

}  // namespace
}  // namespace base
