#include "vmm/virtio/net/vhost.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "tests/support/fake_kernel.h"
#include "tests/support/matchers.h"
#include "vmm/virtio/net/model.h"
#include "vmm/virtio/net/vhost_uapi.h"

namespace vmm::virtio {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;

constexpr uint64_t kBase = 0x100000;
constexpr uint64_t kAll = feature::kIndirect | feature::kEventIdx | feature::kVersion1 |
                          net_feature::kMergeBuffers | uint64_t{1} << 27;

class VhostTest : public testing::Test {
 protected:
  VhostTest() {
    for (const char* name :
         {"VHOST_SET_OWNER", "VHOST_SET_VRING_NUM", "VHOST_SET_VRING_BASE", "VHOST_SET_VRING_KICK",
          "VHOST_SET_VRING_CALL", "VHOST_SET_VRING_ERR", "VHOST_NET_SET_BACKEND"})
      kernel_.Reply(name, 0);
    kernel_.On("VHOST_GET_FEATURES", [this](unsigned long, void* argument) {
      std::memcpy(argument, &features_, sizeof features_);
      return 0;
    });
    kernel_.On("VHOST_SET_FEATURES", [this](unsigned long, void* argument) {
      std::memcpy(&told_, argument, sizeof told_);
      return 0;
    });
    kernel_.On("VHOST_SET_MEM_TABLE", [this](unsigned long, void* argument) {
      vhost_memory head{};
      std::memcpy(&head, argument, sizeof head);
      regions_.resize(head.nregions);
      std::memcpy(regions_.data(), static_cast<std::byte*>(argument) + sizeof head,
                  regions_.size() * sizeof(vhost_memory_region));
      return 0;
    });
    kernel_.On("VHOST_SET_VRING_ADDR", [this](unsigned long, void* argument) {
      std::memcpy(&places_, argument, sizeof places_);
      return 0;
    });
    kernel_.On("VHOST_GET_VRING_BASE", [](unsigned long, void* argument) {
      auto* const state = static_cast<vhost_vring_state*>(argument);
      state->num = 77;
      return 0;
    });
    loop_ = std::move(*EventLoop::Create());
    wiring_.interrupt = [this](uint16_t queue) {
      interrupted_.push_back(queue);
      loop_->Stop();
    };
    wiring_.event = [this](uint16_t) -> std::optional<base::Fd> {
      if (!vector_) return std::nullopt;
      return std::move(*vector_->fd().Duplicate());
    };
    wiring_.broken = [this](uint16_t, QueueFault fault) {
      fault_ = fault;
      loop_->Stop();
    };
  }
  void Open() {
    auto made = Vhost::Create(kernel_);
    ASSERT_THAT(made, IsOk());
    vhost_ = std::move(*made);
  }
  std::unique_ptr<VhostRing> Ring(uint16_t index) {
    auto ring = VhostRing::Create(*vhost_, index, *ActiveQueue::Check(setup_, {}, ram_), ram_,
                                  kick_, tap_, wiring_);
    EXPECT_THAT(ring, IsOk());
    return std::move(*ring);
  }

  test::ScriptedKernel kernel_;
  uint64_t features_ = kAll;
  uint64_t told_ = 0;
  std::vector<vhost_memory_region> regions_;
  vhost_vring_addr places_{};
  std::vector<std::byte> low_ = std::vector<std::byte>(0x8000);
  std::vector<std::byte> high_ = std::vector<std::byte>(0x8000);
  GuestRam ram_{{{kBase, low_}, {kBase + 0x100000, high_}}};
  const QueueSetup setup_{16, kBase, kBase + 0x1000, kBase + 0x100000};
  base::EventFd kick_ = std::move(*base::EventFd::Create());
  base::Fd tap_{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  std::unique_ptr<EventLoop> loop_;
  RunnerWiring wiring_;
  std::vector<uint16_t> interrupted_;
  std::optional<QueueFault> fault_;
  std::optional<base::EventFd> vector_;
  std::unique_ptr<Vhost> vhost_;
};

TEST_F(VhostTest, TheCallsComeInTheirOrder) {
  Open();
  ASSERT_THAT(vhost_->Begin(kAll | net_feature::kCsum | feature::kRingReset, ram_), IsOk());
  EXPECT_EQ(told_, kAll & ~(uint64_t{1} << 27)) << "no second header";
  ASSERT_EQ(regions_.size(), 2u);
  EXPECT_EQ(regions_[1].guest_phys_addr, kBase + 0x100000);
  EXPECT_EQ(regions_[1].userspace_addr, reinterpret_cast<uintptr_t>(high_.data()));
  auto ring = Ring(1);
  ASSERT_THAT(ring->Start(*loop_), IsOk());
  EXPECT_THAT(kernel_.journal(),
              ElementsAre("open /dev/vhost-net", "VHOST_SET_OWNER", "VHOST_GET_FEATURES",
                          "VHOST_SET_FEATURES", "VHOST_SET_MEM_TABLE", "VHOST_SET_VRING_NUM",
                          "VHOST_SET_VRING_BASE", "VHOST_SET_VRING_ADDR", "VHOST_SET_VRING_KICK",
                          "VHOST_SET_VRING_CALL", "VHOST_SET_VRING_ERR", "VHOST_NET_SET_BACKEND"));
  EXPECT_EQ(places_.index, 1u);
  EXPECT_EQ(places_.avail_user_addr, reinterpret_cast<uintptr_t>(low_.data() + 0x1000));
  EXPECT_EQ(places_.used_user_addr, reinterpret_cast<uintptr_t>(high_.data()));
  EXPECT_EQ(*kick_.Take(), 1u) << "what came before is found";
  kernel_.ClearJournal();
  ring.reset();
  EXPECT_THAT(kernel_.journal(), ElementsAre("VHOST_NET_SET_BACKEND", "VHOST_GET_VRING_BASE",
                                             "VHOST_SET_VRING_KICK", "VHOST_SET_VRING_CALL"));
}

TEST_F(VhostTest, APauseGoesOnWhereItStopped) {
  Open();
  auto ring = Ring(0);
  bool done = false;
  ring->Pause([&] { done = true; });
  EXPECT_TRUE(done);
  ASSERT_THAT(ring->Start(*loop_), IsOk());
  EXPECT_EQ(kernel_.count("VHOST_NET_SET_BACKEND"), 0u) << "without bus mastering";
  ring->Resume();
  EXPECT_EQ(kernel_.count("VHOST_NET_SET_BACKEND"), 1u);
  uint32_t base = 0;
  kernel_.On("VHOST_SET_VRING_BASE", [&](unsigned long, void* argument) {
    base = static_cast<vhost_vring_state*>(argument)->num;
    return 0;
  });
  ring->Pause([] {});
  EXPECT_EQ(kernel_.count("VHOST_NET_SET_BACKEND"), 2u);
  ring->Resume();
  EXPECT_EQ(base, 77u);
  ring->End([] {});
  ring->Resume();
  EXPECT_EQ(kernel_.count("VHOST_NET_SET_BACKEND"), 4u) << "an end has no other side";
}

TEST_F(VhostTest, ItsEventsReachTheGuest) {
  Open();
  int call = -1, error = -1;
  kernel_.On("VHOST_SET_VRING_CALL", [&](unsigned long, void* argument) {
    call = static_cast<vhost_vring_file*>(argument)->fd;
    return 0;
  });
  kernel_.On("VHOST_SET_VRING_ERR", [&](unsigned long, void* argument) {
    error = static_cast<vhost_vring_file*>(argument)->fd;
    return 0;
  });
  auto ring = Ring(3);
  ASSERT_THAT(ring->Start(*loop_), IsOk());
  const uint64_t one = 1;
  ASSERT_EQ(::write(call, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  ASSERT_THAT(loop_->Run(), IsOk());
  EXPECT_THAT(interrupted_, ElementsAre(3));
  ASSERT_EQ(::write(error, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  ASSERT_THAT(loop_->Run(), IsOk());
  EXPECT_EQ(fault_, QueueFault::kHostKernel);
}

TEST_F(VhostTest, WithAMessageItInterruptsByItself) {
  Open();
  int call = -1;
  kernel_.On("VHOST_SET_VRING_CALL", [&](unsigned long, void* argument) {
    call = static_cast<vhost_vring_file*>(argument)->fd;
    return 0;
  });
  auto ring = Ring(0);
  ring->Rewire();
  EXPECT_EQ(call, -1) << "not started";
  vector_ = std::move(*base::EventFd::Create());
  ASSERT_THAT(ring->Start(*loop_), IsOk());
  const uint64_t one = 1;
  ASSERT_EQ(::write(call, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  EXPECT_EQ(*vector_->Take(), 1u);
  vector_.reset();
  ring->Rewire();
  ASSERT_EQ(::write(call, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  ASSERT_THAT(loop_->Run(), IsOk());
  EXPECT_THAT(interrupted_, ElementsAre(0));
}

TEST_F(VhostTest, WhatIsMissingHasACure) {
  kernel_.FailOpen("/dev/vhost-net", ENOENT);
  const auto missing = Vhost::Create(kernel_);
  ASSERT_THAT(missing, FailsWith(base::Code::kNotFound));
  EXPECT_THAT(missing.error().hint(), testing::HasSubstr("modprobe vhost_net"));
  kernel_.FailOpen("/dev/vhost-net", EACCES);
  EXPECT_THAT(Vhost::Create(kernel_), FailsWith(base::Code::kDenied));
  kernel_.FailOpen("/dev/vhost-net", 0);
  features_ = feature::kVersion1;
  EXPECT_THAT(Vhost::Create(kernel_), FailsWith(base::Code::kUnsupported));
}

// Whatever call fails, the ring is not left with the kernel and nothing ends.
TEST_F(VhostTest, EachFailureIsAResult) {
  Open();
  for (unsigned call = 1; call <= 7; ++call) {
    auto ring = Ring(0);
    kernel_.FailCall(call, EINVAL);
    EXPECT_FALSE(ring->Start(*loop_)) << call;
    ring.reset();
  }
}

}  // namespace
}  // namespace vmm::virtio
