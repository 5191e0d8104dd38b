#include "vmm/bus.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

class Recorder final : public IoDevice {
 public:
  explicit Recorder(uint64_t answer) : answer_(answer) {}
  std::string_view name() const override { return "recorder"; }
  uint64_t Read(Access access) override { return answer_ + access.offset; }
  void Write(Access access, uint64_t value) override { last_ = access.offset << 32 | value; }
  uint64_t last() const { return last_; }

 private:
  uint64_t answer_;
  std::atomic<uint64_t> last_{0};
};

TEST(Bus, RefusesOverlapAndEmptyRanges) {
  Bus bus;
  ASSERT_THAT(bus.Attach({0x100, 0x10}, std::make_shared<Recorder>(0)), IsOk());
  EXPECT_THAT(bus.Attach({0x10f, 1}, std::make_shared<Recorder>(0)),
              FailsWith(Code::kInternal, HasSubstr("overlaps recorder")));
  EXPECT_THAT(bus.Attach({0x200, 0}, std::make_shared<Recorder>(0)), FailsWith(Code::kInternal));
}

TEST(Bus, NobodyReadsAsAllOnes) {
  Bus bus;
  ASSERT_THAT(bus.Attach({0x100, 4}, std::make_shared<Recorder>(0)), IsOk());
  EXPECT_EQ(bus.Read(0xff, Width::k1), 0xffu);
  EXPECT_EQ(bus.Read(0x102, Width::k4), 0xffffffffu);  // leaves the range
  EXPECT_EQ(bus.Read(UINT64_MAX, Width::k8), UINT64_MAX);
}

TEST(Bus, DevicesSeeOffsetsAndValuesOfTheirWidth) {
  Bus bus;
  const auto device = std::make_shared<Recorder>(0x1ff);
  ASSERT_THAT(bus.Attach({0x100, 0x10}, device), IsOk());
  EXPECT_EQ(bus.Read(0x101, Width::k1), 0u);
  EXPECT_EQ(bus.Read(0x101, Width::k2), 0x200u);
  bus.Write(0x102, Width::k1, 0x1234);
  EXPECT_EQ(device->last(), uint64_t{2} << 32 | 0x34);
}

TEST(Bus, DetachedDevicesAreGone) {
  Bus bus;
  ASSERT_THAT(bus.Attach({0x100, 1}, std::make_shared<Recorder>(7)), IsOk());
  bus.Detach({0x100, 1});
  EXPECT_EQ(bus.Read(0x100, Width::k1), 0xffu);
}

// Lookups run while the table is replaced; under the thread sanitizer this is the lock-free claim.
TEST(Bus, LookupsRunWhileDevicesComeAndGo) {
  Bus bus;
  ASSERT_THAT(bus.Attach({0x100, 1}, std::make_shared<Recorder>(5)), IsOk());
  std::atomic<bool> wrong{false};
  const auto read = [&] {
    for (int i = 0; i < 20000; ++i) {
      if (bus.Read(0x100, Width::k1) != 5) wrong = true;
      bus.Write(0x200, Width::k1, 1);
    }
  };
  std::thread first(read);
  std::thread second(read);
  for (int i = 0; i < 500; ++i) {
    ASSERT_THAT(bus.Attach({0x200, 1}, std::make_shared<Recorder>(0)), IsOk());
    bus.Detach({0x200, 1});
  }
  first.join();
  second.join();
  EXPECT_FALSE(wrong);
}

}  // namespace
}  // namespace vmm
