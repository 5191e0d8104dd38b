#include "cli/assignment/placeholders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace cli {
namespace {

using base::Code;
using test::FailsWith;
using testing::HasSubstr;

const std::vector<Values> kDevices = {
    {{"bdf", "0000:08:00.0"}, {"group", "14"}, {"cdev", ""}},
    {{"bdf", "0000:09:00.0"}, {"group", "15"}, {"cdev", "/dev/vfio/devices/vfio3"}}};

TEST(Placeholders, StandForTheDevices) {
  EXPECT_EQ(*Expand("host={bdf}", kDevices), "host=0000:08:00.0");
  EXPECT_EQ(*Expand("{bdf}{bdf:2},{group:1}", kDevices), "0000:08:00.00000:09:00.0,14");
  EXPECT_EQ(*Expand("{cdev:2}", kDevices), "/dev/vfio/devices/vfio3");
}

TEST(Placeholders, OtherTextStays) {
  for (const char* text : {"", "plain", "}", "a}b", "{open", "$x"})
    EXPECT_EQ(*Expand(text, kDevices), text);
  EXPECT_EQ(*Expand("{{\"id\":1}", kDevices), "{\"id\":1}");
  EXPECT_EQ(*Expand("{{bdf}", kDevices), "{bdf}");
}

TEST(Placeholders, MistakesAreNamed) {
  EXPECT_THAT(Expand("{what}", kDevices),
              FailsWith(Code::kUsage, HasSubstr("{what}: no such word")));
  EXPECT_THAT(Expand("{}", kDevices), FailsWith(Code::kUsage));
  EXPECT_THAT(Expand("{cdev}", kDevices), FailsWith(Code::kUsage, HasSubstr("has no value")));
  for (const char* text : {"{bdf:0}", "{bdf:3}", "{bdf:x}", "{bdf:}", "{bdf:99999999999999999999}"})
    EXPECT_THAT(Expand(text, kDevices), FailsWith(Code::kUsage, HasSubstr("no such device")))
        << text;
}

}  // namespace
}  // namespace cli
