#include "vmm/port_waits.h"

#include <gmock/gmock.h>

namespace vmm {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint8_t kPort = 8;
constexpr uint8_t kOther = 16;

PortWaits::Time At(int second) { return PortWaits::Time(seconds(1000 + second)); }

TEST(PortWaits, NothingIsDueAtFirst) {
  PortWaits waits;
  EXPECT_EQ(waits.next(), std::nullopt);
  EXPECT_EQ(waits.TakeDue(At(0)), PortWaits::Due());
}

TEST(PortWaits, ACardIsTakenWhenTheGuestsTimeIsOver) {
  PortWaits waits;
  waits.Asked(kPort, At(30));
  EXPECT_EQ(waits.next(), At(30));
  EXPECT_THAT(waits.TakeDue(At(29)).take_out, IsEmpty());
  EXPECT_THAT(waits.TakeDue(At(30)).take_out, ElementsAre(kPort));
  waits.CardWent(kPort);
  EXPECT_EQ(waits.next(), std::nullopt);
}

TEST(PortWaits, TheSoonerEndCounts) {
  PortWaits waits;
  waits.Asked(kPort, At(30));
  EXPECT_FALSE(waits.LeavesBy(kPort, At(10)));
  waits.Asked(kPort, At(10));
  waits.Asked(kPort, At(40));
  EXPECT_TRUE(waits.LeavesBy(kPort, At(10)));
  EXPECT_FALSE(waits.LeavesBy(kOther, At(50)));
  EXPECT_EQ(waits.next(), At(10));
}

TEST(PortWaits, ACardThatIsNotToBeTakenIsKept) {
  PortWaits waits;
  waits.Asked(kPort, At(5), PortWaits::AtEnd::kKeep);
  EXPECT_FALSE(waits.LeavesBy(kPort, At(60)));
  EXPECT_EQ(waits.next(), At(5));
  const PortWaits::Due due = waits.TakeDue(At(5));
  EXPECT_THAT(due.take_out, IsEmpty());
  EXPECT_THAT(due.keep, ElementsAre(kPort));
  EXPECT_EQ(waits.TakeDue(At(6)), PortWaits::Due());
  EXPECT_EQ(waits.next(), std::nullopt);
}

TEST(PortWaits, WhoKeepsDoesNotStopWhoTakes) {
  PortWaits waits;
  waits.Asked(kPort, At(10));
  waits.Asked(kPort, At(5), PortWaits::AtEnd::kKeep);
  EXPECT_TRUE(waits.LeavesBy(kPort, At(10)));
  EXPECT_THAT(waits.TakeDue(At(5)).keep, ElementsAre(kPort));
  EXPECT_THAT(waits.TakeDue(At(10)).take_out, ElementsAre(kPort));
  waits.Asked(kPort, At(30), PortWaits::AtEnd::kKeep);
  waits.CardWent(kPort);
  EXPECT_EQ(waits.next(), std::nullopt);
}

TEST(PortWaits, AGuestIsToldSomeTimesOfItsNewCard) {
  PortWaits waits;
  waits.CardCame(kPort, At(0));
  EXPECT_EQ(waits.next(), At(2));
  size_t told = 0;
  for (int second = 0; second < 60; ++second) told += waits.TakeDue(At(second)).announce.size();
  EXPECT_EQ(told, PortWaits::kAnnouncements);
  EXPECT_EQ(waits.next(), std::nullopt);
}

TEST(PortWaits, ACardThatWorksIsToldOfNoMore) {
  PortWaits waits;
  waits.CardCame(kPort, At(0));
  waits.CardCame(kOther, At(1));
  EXPECT_THAT(waits.TakeDue(At(2)).announce, ElementsAre(kPort));
  waits.CardWorks(kPort);
  EXPECT_EQ(waits.next(), At(3));
  waits.CardWent(kOther);
  EXPECT_EQ(waits.next(), std::nullopt);
}

TEST(PortWaits, APortThatIsDueIsDueUntilItsCardWent) {
  PortWaits waits;
  waits.Asked(kPort, At(1));
  EXPECT_THAT(waits.TakeDue(At(5)).take_out, ElementsAre(kPort));
  EXPECT_THAT(waits.TakeDue(At(6)).take_out, ElementsAre(kPort));
}

}  // namespace
}  // namespace vmm
