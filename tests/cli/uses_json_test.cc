#include "cli/uses_json.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

TEST(UsesJson, NoUseIsAnEmptyList) { EXPECT_EQ(UsesJson({}).dump(), "[]"); }

TEST(UsesJson, KeepsTheOrderOfFieldsAndBytesOfNames) {
  const base::Use use = {"mount", "d", {"a", "x\ny"}, "", "", "umount"};
  EXPECT_EQ(UsesJson({use}).dump(),
            R"([{"kind":"mount","detail":"d","path":["a","x\ny"],"severity":"refuse",)"
            R"("reason":null,"risk":null,"cure":"umount"}])");
}

}  // namespace
}  // namespace cli
