#include "vmm/virtio/rng.h"

#include <gtest/gtest.h>

#include "tests/support/virtio_function.h"

namespace vmm::virtio {
namespace {

using test::Eventually;

class RngTest : public test::VirtioFunction {
 protected:
  RngTest() { Make(std::make_unique<Rng>()); }
};

TEST_F(RngTest, FillsWhatItIsGiven) {
  Start({});
  ASSERT_TRUE(driver_->Add({{kData, 100, true}, {kData + 1000, 3000, true}}, 1, false));
  Kick(0);
  std::optional<test::VirtioDriver::Done> done;
  ASSERT_TRUE(Eventually([&] { return (done = driver_->Reap()).has_value(); }));
  EXPECT_EQ(done->written, 3100u);
  EXPECT_NE(driver_->Load<uint64_t>(kData), 0u);
  EXPECT_NE(driver_->Load<uint64_t>(kData + 1000 + 2992), 0u);
  EXPECT_EQ(driver_->Load<uint64_t>(kData + 100), 0u);
  // Outside of RAM; nothing to write; and the queue lives.
  ASSERT_TRUE(driver_->Add({{0x10, 64, true}}, 2, false));
  ASSERT_TRUE(driver_->Add({{kData, 64, false}}, 3, false));
  ASSERT_TRUE(driver_->Add({{kData, 0x40000, true}}, 4, false));
  Kick(0);
  for (const uint64_t token : {2u, 3u, 4u}) {
    ASSERT_TRUE(Eventually([&] { return (done = driver_->Reap()).has_value(); }));
    EXPECT_EQ(done->token, token);
    EXPECT_EQ(done->written, token == 4 ? Rng::kMostBytes : 0u);
  }
}

}  // namespace
}  // namespace vmm::virtio
