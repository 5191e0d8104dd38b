#include "vmm/pci/card_fit.h"

#include <gmock/gmock.h>

#include "tests/support/fake_function.h"
#include "tests/support/matchers.h"

namespace vmm::pci {
namespace {

using base::kGiB;
using base::kMiB;
using test::FailsWith;
using test::IsOkAnd;
using testing::Eq;

// The windows are 0xc0000000-0xfebfffff and 64-128 GiB.
const Layout kLayout = test::LayoutWithWindows();
const PortWindows kPort = {{0xc0000000, 2 * kMiB}, {64 * kGiB, kGiB}, {}};

base::Result<CardFit> Fit(std::vector<BarInfo> bars, std::vector<base::Range> taken = {}) {
  const std::vector<FunctionBars> card = {{"0000:08:00.0", std::move(bars)}};
  return CheckCardFit(card, kPort, taken, kLayout);
}
BarInfo Low(uint64_t size) { return {0, BarKind::kMemory32, size, false}; }
BarInfo High(uint64_t size) { return {2, BarKind::kMemory64, size, true}; }

TEST(CardFit, WhatThePortForwards) {
  EXPECT_THAT(Fit({}), IsOkAnd(Eq(CardFit::kInPort)));
  EXPECT_THAT(Fit({Low(2 * kMiB), High(kGiB)}), IsOkAnd(Eq(CardFit::kInPort)));
  EXPECT_THAT(Fit({{0, BarKind::kIo, 4096, false}, {kRomBar, BarKind::kMemory32, kGiB, false}}),
              IsOkAnd(Eq(CardFit::kInPort)));
}

TEST(CardFit, WhatAGuestCanMakeRoomFor) {
  EXPECT_THAT(Fit({Low(4 * kMiB)}), IsOkAnd(Eq(CardFit::kInMachine)));
  EXPECT_THAT(Fit({High(32 * kGiB)}), IsOkAnd(Eq(CardFit::kInMachine)));
  // 96 to 128 GiB are free.
  EXPECT_THAT(Fit({High(32 * kGiB)}, {{64 * kGiB, 32 * kGiB}}), IsOkAnd(Eq(CardFit::kInMachine)));
}

TEST(CardFit, WhatHasNoRoom) {
  const auto full = Fit({Low(4 * kMiB), High(32 * kGiB)}, {{80 * kGiB, 32 * kGiB}});
  ASSERT_THAT(full, FailsWith(base::Code::kUnfit,
                              testing::AllOf(testing::HasSubstr("0000:08:00.0: its BARs need 4 MiB "
                                                                "below 4 GiB and 32 GiB"),
                                             testing::HasSubstr("its port has 2 MiB and 1 GiB"),
                                             testing::HasSubstr("and 16 GiB free"))));
  EXPECT_THAT(Fit({High(128 * kGiB)}), FailsWith(base::Code::kUnfit));
  EXPECT_THAT(Fit({Low(kGiB)}), FailsWith(base::Code::kUnfit));
  // Not prefetchable: not above 4 GiB.
  EXPECT_THAT(Fit({{0, BarKind::kMemory64, kGiB, false}}), FailsWith(base::Code::kUnfit));
}

TEST(CardFit, GapsAreBetweenWhatIsTaken) {
  const base::Range window = kLayout.mmio32;
  std::vector<base::Range> taken;
  for (uint64_t at = window.base; at < window.end(); at += 8 * kMiB) taken.push_back({at, 4096});
  EXPECT_THAT(Fit({Low(4 * kMiB)}, taken), IsOkAnd(Eq(CardFit::kInMachine)));
  EXPECT_THAT(Fit({Low(8 * kMiB)}, taken), FailsWith(base::Code::kUnfit));
  EXPECT_THAT(Fit({Low(4 * kMiB)}, {window}), FailsWith(base::Code::kUnfit));
}

}  // namespace
}  // namespace vmm::pci
