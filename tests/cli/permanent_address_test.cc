#include "cli/permanent_address.h"

#include <gtest/gtest.h>

namespace {

TEST(PermanentAddress, OnlyTheRunningHostIsAsked) {
  EXPECT_FALSE(cli::PermanentAddressOf({}));
  EXPECT_TRUE(cli::PermanentAddressOf([](const std::string&) { return std::nullopt; }));
}

}  // namespace
