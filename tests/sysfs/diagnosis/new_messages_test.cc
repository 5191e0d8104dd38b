#include "sysfs/diagnosis/new_messages.h"

#include <gtest/gtest.h>

namespace sysfs {
namespace {

TEST(NewMessages, ARecordIsItsFirstLineWithoutItsHead) {
  EXPECT_EQ(MessageOf("3,1045,98123456,-;8139cp 0000:06:00.0: no MMIO resource\n"
                      " SUBSYSTEM=pci\n DEVICE=+pci:0000:06:00.0\n"),
            "8139cp 0000:06:00.0: no MMIO resource");
  EXPECT_EQ(MessageOf("4,7,1,c;a; b"), "a; b");
  EXPECT_EQ(MessageOf("6,7,1,-,caller=T1;"), "");
}

TEST(NewMessages, WhatAProgramWroteIsNoWordOfTheKernel) {
  EXPECT_EQ(MessageOf("12,7,1,-;vfio-pci 0000:06:00.0: forged"), std::nullopt);
}

TEST(NewMessages, OddRecordsAreNone) {
  for (const char* odd : {"", ";", "x,1,2,-;text", "3", "3,1,2,-", "-3,1,2;text"})
    EXPECT_EQ(MessageOf(odd), std::nullopt) << odd;
}

}  // namespace
}  // namespace sysfs
