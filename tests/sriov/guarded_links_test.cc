#include "sriov/guarded_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/matchers.h"

namespace sriov {
namespace {

using base::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

VfAttributes Everything() {
  VfAttributes all;
  all.mac = *MacAddress::Parse("02:00:00:00:00:01");
  all.vlan = Vlan{7, 3, 0x88a8};
  all.trust = true;
  all.spoof_check = false;
  all.rates = Rates{10, 100};
  all.link = LinkState::kEnable;
  return all;
}

[[noreturn]] void StayUntilTheTestEnds() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (true) ::pause();
}

// Its changes stay in the child.
class Card final : public VfLinks {
 public:
  explicit Card(bool is_stuck = false) : is_stuck_(is_stuck) {}
  base::Result<std::map<unsigned, VfAttributes>> Read(const std::string& interface) override {
    if (is_stuck_) StayUntilTheTestEnds();
    if (interface != "eth0") return base::FailErrno(interface, ENODEV);
    return std::map<unsigned, VfAttributes>{{0, Everything()}, {5, {}}};
  }
  base::Status Write(const std::string& /*interface*/, unsigned index,
                     const VfAttributes& attributes) override {
    if (is_stuck_) StayUntilTheTestEnds();
    if (index == 5 && attributes == Everything()) return {};
    return base::FailErrno("eth0", EOPNOTSUPP);
  }

 private:
  bool is_stuck_;
};

TEST(GuardedVfLinks, TellsWhatTheCardTells) {
  const auto links = GuardedVfLinks(std::make_unique<Card>(), seconds(30));
  EXPECT_THAT(links->Read("eth0"),
              IsOkAnd(ElementsAre(Pair(0, Everything()), Pair(5, VfAttributes()))));
  EXPECT_THAT(links->Read("eth1"), FailsWith(Code::kNotFound, HasSubstr("eth1: No such device")));
}

TEST(GuardedVfLinks, AChangeSucceedsOrFailsAsTheKernelSays) {
  const auto links = GuardedVfLinks(std::make_unique<Card>(), seconds(30));
  EXPECT_THAT(links->Write("eth0", 5, Everything()), IsOk());
  const auto refused = links->Write("eth0", 4, Everything());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().err(), EOPNOTSUPP);
}

TEST(GuardedVfLinks, ACardThatDoesNotAnswerEndsTheQuestion) {
  const auto links = GuardedVfLinks(std::make_unique<Card>(true), milliseconds(50));
  EXPECT_THAT(links->Read("eth0"), FailsWith(Code::kTimedOut, HasSubstr("eth0")));
  EXPECT_THAT(links->Write("eth0", 5, Everything()), FailsWith(Code::kTimedOut));
}

}  // namespace
}  // namespace sriov
