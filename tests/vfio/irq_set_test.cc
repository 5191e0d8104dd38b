#include "vfio/irq_set.h"

#include <gmock/gmock.h>

#include <array>

#include "sysfs/base/bits.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

using testing::ElementsAre;

// All of a request as 32-bit words: size, flags, index, start, count, data.
std::vector<uint32_t> Words(const IrqSet& request) {
  std::vector<uint32_t> words;
  for (size_t at = 0; at < request.bytes().size(); at += 4)
    words.push_back(base::LoadLe<uint32_t>(request.bytes(), at));
  return words;
}

TEST(IrqSet, EventsFollowTheHeader) {
  const std::array<int, 3> events = {7, -1, 9};
  EXPECT_THAT(Words(IrqSet::Events(2, IrqAction::kTrigger, 4, events)),
              ElementsAre(32, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 4, 3, 7,
                          UINT32_MAX, 9));
}

TEST(IrqSet, NoEventsIsAHeaderAlone) {
  EXPECT_THAT(Words(IrqSet::Events(0, IrqAction::kUnmask, 0, {})),
              ElementsAre(20, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, 0, 0, 0));
}

TEST(IrqSet, NowCarriesNoData) {
  EXPECT_THAT(Words(IrqSet::Now(0, IrqAction::kMask, 0, 1)),
              ElementsAre(20, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 0, 0, 1));
}

TEST(IrqSet, DisableIsATriggerOfNothing) {
  EXPECT_THAT(Words(IrqSet::Disable(2)),
              ElementsAre(20, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 0));
}

}  // namespace
}  // namespace vfio
