#include "vfio/vf_token.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;

TEST(VfToken, IsAUuidInTheOrderOfItsText) {
  const auto token = VfToken::Parse("00112233-4455-6677-8899-AABBCCDDEEFF");
  ASSERT_THAT(token, IsOk());
  for (size_t i = 0; i < token->bytes.size(); ++i) EXPECT_EQ(token->bytes.at(i), 0x11 * i);
  EXPECT_EQ(token->ToString(), "00112233-4455-6677-8899-aabbccddeeff");
}

TEST(VfToken, AnythingElseIsRefused) {
  for (const char* const text :
       {"", "00112233", "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0", "001122334-455-6677-8899-aabbccddeeff",
        "0x112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeefg",
        "-0112233-4455-6677-8899-aabbccddeeff", "{0112233-4455-6677-8899-aabbccddeef}"}) {
    EXPECT_THAT(VfToken::Parse(text), FailsWith(Code::kUsage)) << text;
  }
}

}  // namespace
}  // namespace vfio
