#include "cli/functions/output.h"

#include <gmock/gmock.h>

#include "cli/functions/host.h"

namespace cli {
namespace {

TEST(OutcomeLine, TellsWhatBecame) {
  sriov::Outcome outcome;
  outcome.after.device.address = {0, 3, 0, 0};
  outcome.after.count = 2;
  EXPECT_EQ(OutcomeLine(outcome), "0000:03:00.0 no driver: 2 virtual functions: nothing to do");
  outcome.changed = true;
  EXPECT_EQ(OutcomeLine(outcome), "0000:03:00.0 no driver: 0 -> 2 virtual functions");
  outcome.before.count = 2;
  EXPECT_EQ(OutcomeLine(outcome), "0000:03:00.0 no driver: 2 virtual functions changed");
}

}  // namespace
}  // namespace cli
