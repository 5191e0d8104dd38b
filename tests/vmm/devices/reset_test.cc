#include "vmm/devices/reset.h"

#include <gmock/gmock.h>

#include <vector>

#include "vmm/platform.h"

namespace vmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ResetTest : public testing::Test {
 protected:
  std::vector<MachineRequest::Kind> requests_;
  RequestHandler handler_ = [this](const MachineRequest& request) {
    requests_.push_back(request.kind);
  };
};

TEST_F(ResetTest, ControlIgnoresWhatDoesNotReset) {
  ResetControl control(handler_);
  control.Write({0, Width::k1}, 0x02);
  control.Write({0, Width::k1}, 0x00);
  EXPECT_THAT(requests_, IsEmpty());
  control.Write({0, Width::k1}, kResetValue);
  EXPECT_THAT(requests_, ElementsAre(MachineRequest::Kind::kReset));
}

TEST_F(ResetTest, KeyboardControllerTakesOnlyThePulse) {
  KeyboardReset keyboard(handler_);
  keyboard.Write({0, Width::k1}, 0xaa);
  EXPECT_THAT(requests_, IsEmpty());
  keyboard.Write({0, Width::k1}, 0xfe);
  EXPECT_THAT(requests_, ElementsAre(MachineRequest::Kind::kReset));
}

// Bit 1: Linux waits for it to clear before the reset. Bit 0: Linux's probe gives up when the
// output buffer cannot be emptied.
TEST_F(ResetTest, KeyboardStatusKeepsNobodyWaiting) {
  KeyboardReset keyboard(handler_);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(keyboard.Read({0, Width::k1}), 0x01u);
}

}  // namespace
}  // namespace vmm
