#include "vmm/dispatch.h"

#include <gmock/gmock.h>

#include <array>
#include <vector>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;

struct Seen {
  uint64_t offset;
  unsigned bytes;
  uint64_t value;
  bool operator==(const Seen&) const = default;
};

class Recorder final : public IoDevice {
 public:
  std::string_view name() const override { return "recorder"; }
  uint64_t Read(Access access) override {
    seen.push_back({access.offset, access.bytes(), 0});
    return 0x8877665544332211 + reads++;
  }
  void Write(Access access, uint64_t value) override {
    seen.push_back({access.offset, access.bytes(), value});
  }
  std::vector<Seen> seen;
  uint64_t reads = 0;
};

class DispatchTest : public testing::Test {
 protected:
  DispatchTest() { EXPECT_THAT(bus_.Attach({0x100, 0x20}, device_), IsOk()); }

  Bus bus_;
  const std::shared_ptr<Recorder> device_ = std::make_shared<Recorder>();
  std::array<std::byte, 8> data_{};
};

TEST_F(DispatchTest, PortAccessOfAnUnknownWidthIsNoAccess) {
  Dispatch(kvm::PortExit{0x100, 3, 1, true, std::span(data_).first(3)}, bus_);
  Dispatch(kvm::PortExit{0x100, 0, 1, true, data_}, bus_);
  EXPECT_THAT(device_->seen, IsEmpty());
}

TEST_F(DispatchTest, AStringWriteIsOneAccessAfterAnother) {
  data_ = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  Dispatch(kvm::PortExit{0x104, 2, 2, false, std::span(data_).first(4)}, bus_);
  EXPECT_THAT(device_->seen, ElementsAre(Seen{4, 2, 0x0201}, Seen{4, 2, 0x0403}));
}

TEST_F(DispatchTest, AStringReadStoresEachValue) {
  Dispatch(kvm::PortExit{0x100, 1, 3, true, std::span(data_).first(3)}, bus_);
  EXPECT_THAT(std::span(data_).first(4),
              ElementsAre(std::byte{0x11}, std::byte{0x12}, std::byte{0x13}, std::byte{0}));
}

TEST_F(DispatchTest, NobodyReadsAsAllOnes) {
  Dispatch(kvm::PortExit{0x80, 4, 1, true, std::span(data_).first(4)}, bus_);
  EXPECT_EQ(data_[3], std::byte{0xff});
  EXPECT_EQ(data_[4], std::byte{0});
}

TEST_F(DispatchTest, MemoryAccessesOfAllWidthsReachTheDevice) {
  for (const size_t width : {1u, 2u, 4u, 8u}) {
    Dispatch(kvm::MemoryExit{0x108, false, std::span(data_).first(width)}, bus_);
    EXPECT_EQ(device_->seen.back(), (Seen{8, static_cast<unsigned>(width), 0}));
  }
  EXPECT_EQ(data_[7], std::byte{0x88});
}

TEST_F(DispatchTest, APartOfAnAccessAcrossPagesIsSplit) {
  data_ = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};
  Dispatch(kvm::MemoryExit{0x101, true, std::span(data_).first(5)}, bus_);
  EXPECT_THAT(device_->seen, ElementsAre(Seen{1, 4, 0x04030201}, Seen{5, 1, 0x05}));
  device_->seen.clear();
  Dispatch(kvm::MemoryExit{0x101, true, {}}, bus_);
  EXPECT_THAT(device_->seen, IsEmpty());
}

}  // namespace
}  // namespace vmm
