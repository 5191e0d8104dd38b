#include "vmm/virtio/blk/blk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "tests/support/matchers.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/temp_folder.h"
#include "tests/support/virtio_function.h"

namespace vmm::virtio {
namespace {

using test::Eventually;
using test::IsOk;
using test::VirtioDriver;

struct Way {
  bool ring;
  CacheMode cache;
};
void PrintTo(const Way& way, std::ostream* out) {
  *out << (way.ring ? "ring " : "thread ") << CacheName(way.cache);
}

// A disk of 64 KiB whose sectors count up, driven as a guest does it.
class BlkTest : public test::VirtioFunction, public testing::WithParamInterface<Way> {
 protected:
  static constexpr uint64_t kHeader = kData;
  static constexpr uint64_t kStatus = kData + 64;
  static constexpr uint64_t kRange = kData + 128;
  static constexpr uint64_t kPayload = kData + 0x1000;
  static constexpr off_t kBytes = 64 * 1024;

  BlkTest() {
    path_ = folder_.path() + "/disk";
    file_ = base::Fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    std::vector<std::byte> content(kBytes);
    for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i / 512 + 1);
    EXPECT_THAT(base::WriteAllAt(file_, content, 0), IsOk());
  }
  void Open(BlkOptions options) {
    options.image.file = path_;
    options.image.cache = GetParam().cache;
    std::shared_ptr<BlkRing> ring;
    if (GetParam().ring) {
      auto opened = BlkRing::Create();
      ASSERT_THAT(opened, IsOk());
      ring = *opened;
    }
    auto made = Blk::Create(std::move(options), std::move(ring));
    // A file system in memory has no direct access.
    if (!made && GetParam().cache == CacheMode::kNone) GTEST_SKIP() << made.error().message();
    ASSERT_THAT(made, IsOk());
    if (most_bounce_) {
      (*made)->SetMostBounce(*most_bounce_);
      (*made)->SetEngine([this](const base::Fd& image, EventLoop& loop, BlkCallbacks callbacks) {
        const auto note = [this](const base::Fd& file, BlkOp& op) {
          memory_.insert(op.iovecs.front().iov_base);
          return Perform(file, op);
        };
        return base::Result<std::unique_ptr<BlkEngine>>(
            std::make_unique<test::ScriptedEngine>(image, loop, std::move(callbacks), note));
      });
    }
    Make(std::move(*made));
    Start({false, true, true});
  }
  void PutHeader(uint32_t type, uint64_t sector) {
    driver_->Store<uint32_t>(kHeader, type);
    driver_->Store<uint64_t>(kHeader + 8, sector);
    driver_->Store<uint8_t>(kStatus, 0xee);
  }
  // The status, and the length that was reported.
  std::pair<int, uint32_t> Do(std::vector<VirtioDriver::Piece> pieces) {
    EXPECT_TRUE(driver_->Add(pieces, 1, true));
    Kick(0);
    std::optional<VirtioDriver::Done> done;
    EXPECT_TRUE(Eventually([&] { return (done = driver_->Reap()).has_value(); }));
    return {driver_->Load<uint8_t>(kStatus), done ? done->written : 0};
  }
  std::pair<int, uint32_t> Read(uint64_t sector, uint32_t bytes, uint64_t to = kPayload) {
    PutHeader(0, sector);
    return Do({{kHeader, 16, false}, {to, bytes, true}, {kStatus, 1, true}});
  }
  std::pair<int, uint32_t> Write(uint64_t sector, uint32_t bytes, uint64_t from = kPayload) {
    PutHeader(1, sector);
    return Do({{kHeader, 16, false}, {from, bytes, false}, {kStatus, 1, true}});
  }
  std::pair<int, uint32_t> Flush() {
    PutHeader(4, 0);
    return Do({{kHeader, 16, false}, {kStatus, 1, true}});
  }
  std::pair<int, uint32_t> Range(uint32_t type, uint64_t sector, uint32_t count) {
    PutHeader(type, 0);
    driver_->Store<uint64_t>(kRange, sector);
    driver_->Store<uint32_t>(kRange + 8, count);
    driver_->Store<uint32_t>(kRange + 12, 0);
    return Do({{kHeader, 16, false}, {kRange, 16, false}, {kStatus, 1, true}});
  }
  uint8_t OnDisk(uint64_t byte) {
    std::array<std::byte, 1> one{};
    EXPECT_THAT(base::ReadExactAt(file_, one, byte), IsOk());
    return std::to_integer<uint8_t>(one[0]);
  }

  test::TempFolder folder_{test::OnDisk()};
  std::string path_;
  base::Fd file_;
  std::optional<uint64_t> most_bounce_;  // then what is read into is noted
  std::set<void*> memory_;
};

INSTANTIATE_TEST_SUITE_P(Ways, BlkTest,
                         testing::Values(Way{true, CacheMode::kWriteback},
                                         Way{false, CacheMode::kWriteback},
                                         Way{true, CacheMode::kNone},
                                         Way{false, CacheMode::kWritethrough},
                                         Way{true, CacheMode::kUnsafe}));

TEST_P(BlkTest, ReadsAndWrites) {
  Open({});
  if (IsSkipped()) return;
  EXPECT_EQ(Read(3, 1024), std::pair(0, 1025u));
  EXPECT_EQ(driver_->Load<uint8_t>(kPayload), 4);
  EXPECT_EQ(driver_->Load<uint8_t>(kPayload + 1023), 5);
  for (uint64_t at = 0; at < 4096; at += 8)
    driver_->Store<uint64_t>(kPayload + at, 0x5a5a5a5a5a5a5a5a);
  EXPECT_EQ(Write(8, 4096), std::pair(0, 1u));
  EXPECT_EQ(Flush(), std::pair(0, 1u));
  EXPECT_EQ(OnDisk(8 * 512), 0x5a);
  EXPECT_EQ(OnDisk(16 * 512 - 1), 0x5a);
  EXPECT_EQ(OnDisk(16 * 512), 17);
  EXPECT_EQ(OnDisk(8 * 512 - 1), 8);
}

// With memory to copy one of them: the others wait for it, and use it again.
TEST_P(BlkTest, RequestsThatAreCopiedWaitForMemory) {
  most_bounce_ = base::kPageSize;
  Open({});
  if (IsSkipped()) return;
  constexpr unsigned kRequests = 5;
  PutHeader(0, 2);
  for (unsigned i = 0; i < kRequests; ++i) {
    ASSERT_TRUE(driver_->Add(
        {{kHeader, 16, false}, {kPayload + 8192 * i + 3, 1024, true}, {kStatus, 1, true}}, 1,
        true));
  }
  Kick(0);
  for (unsigned i = 0; i < kRequests; ++i) {
    std::optional<VirtioDriver::Done> done;
    ASSERT_TRUE(Eventually([&] { return (done = driver_->Reap()).has_value(); }));
    EXPECT_EQ(done->written, 1025u);
  }
  for (unsigned i = 0; i < kRequests; ++i)
    EXPECT_EQ(driver_->Load<uint8_t>(kPayload + 8192 * i + 3), 3);
  EXPECT_EQ(driver_->Load<uint8_t>(kStatus), 0);
  OnIo([&] { EXPECT_EQ(memory_.size(), GetParam().cache == CacheMode::kNone ? 1 : kRequests); });
}

// From memory that direct access does not take, and cut anywhere.
TEST_P(BlkTest, AnyBuffersWillDo) {
  Open({});
  if (IsSkipped()) return;
  PutHeader(0, 0);
  const auto read = Do({{kHeader, 7, false},
                        {kHeader + 7, 9, false},
                        {kPayload + 3, 100, true},
                        {kPayload + 0x1001, 412, true},
                        {kStatus, 1, true}});
  EXPECT_EQ(read, std::pair(0, 513u));
  EXPECT_EQ(driver_->Load<uint8_t>(kPayload + 3), 1);
  EXPECT_EQ(driver_->Load<uint8_t>(kPayload + 0x1001 + 411), 1);
  EXPECT_EQ(driver_->Load<uint8_t>(kPayload + 103), 0);
  driver_->Store<uint8_t>(kPayload + 1, 0x77);
  EXPECT_EQ(Write(1, 512, kPayload + 1).first, 0);
  EXPECT_EQ(OnDisk(512), 0x77);
}

TEST_P(BlkTest, ErrorsAreOfTheirRequest) {
  Open({});
  if (IsSkipped()) return;
  EXPECT_EQ(Read(128, 512).first, 1) << "behind the end";
  EXPECT_EQ(Read(0, 100).first, 1) << "no whole sector";
  EXPECT_EQ(Read(0, 512, 0x1000).first, 1) << "no RAM";
  EXPECT_EQ(Write(0, 512, kBase + 0x80000 - 100).first, 1);
  PutHeader(77, 0);
  EXPECT_EQ(Do({{kHeader, 16, false}, {kStatus, 1, true}}), std::pair(2, 1u));
  PutHeader(1, 0);
  EXPECT_EQ(Do({{kHeader, 16, false}}), std::pair(0xee, 0u)) << "no place for a status";
  EXPECT_EQ(Read(0, 0), std::pair(0, 1u)) << "nothing at all";
  EXPECT_EQ(Read(0, 512).first, 0) << "and the disk lives";
}

TEST_P(BlkTest, AShrunkenImageIsAnError) {
  Open({});
  if (IsSkipped()) return;
  ASSERT_EQ(::ftruncate(file_.raw(), 4096), 0);
  EXPECT_EQ(Read(6, 2048), std::pair(1, 0u));
  EXPECT_EQ(Read(100, 512).first, 1);
  EXPECT_EQ(Read(0, 512).first, 0);
}

TEST_P(BlkTest, ZeroesAreZeroAndDiscardsMakeHoles) {
  Open({});
  if (IsSkipped()) return;
  EXPECT_EQ(Range(13, 8, 8), std::pair(0, 1u));
  EXPECT_EQ(OnDisk(8 * 512), 0);
  EXPECT_EQ(OnDisk(16 * 512 - 1), 0);
  EXPECT_EQ(OnDisk(16 * 512), 17);
  const int discarded = Range(11, 64, 64).first;
  EXPECT_THAT(discarded, testing::AnyOf(0, 2));
  if (discarded == 0) {
    EXPECT_EQ(OnDisk(64 * 512), 0);
  }
  EXPECT_EQ(Range(11, 100, 64).first, 1);
  EXPECT_EQ(Range(13, 0, 0).first, 0);
}

TEST_P(BlkTest, TheSerialNumberIsTwentyBytes) {
  BlkOptions options;
  options.serial = "ABC-1";
  Open(options);
  if (IsSkipped()) return;
  PutHeader(8, 0);
  driver_->Store<uint64_t>(kPayload + 16, ~uint64_t{0});
  EXPECT_EQ(Do({{kHeader, 16, false}, {kPayload, 20, true}, {kStatus, 1, true}}),
            std::pair(0, 21u));
  EXPECT_EQ(driver_->Load<uint64_t>(kPayload), 0x312d434241u);
  EXPECT_EQ(driver_->Load<uint32_t>(kPayload + 16), 0u);
}

TEST_P(BlkTest, ManyAtOnceComeBackOnce) {
  Open({});
  if (IsSkipped()) return;
  for (unsigned round = 0; round < 20; ++round) {
    for (uint64_t i = 0; i < 16; ++i) {
      const uint64_t header = kPayload + 0x400 * i;
      driver_->Store<uint32_t>(header, 0);
      driver_->Store<uint64_t>(header + 8, i);
      ASSERT_TRUE(driver_->Add(
          {{header, 16, false}, {header + 0x200, 512, true}, {header + 32, 1, true}}, i, true));
    }
    if (driver_->Kick()) Kick(0);
    unsigned tokens = 0;
    for (unsigned count = 0; count < 16; ++count) {
      std::optional<VirtioDriver::Done> done;
      ASSERT_TRUE(Eventually([&] { return (done = driver_->Reap()).has_value(); }));
      ASSERT_LT(done->token, 16u);
      tokens |= 1u << done->token;
      const uint64_t header = kPayload + 0x400 * done->token;
      EXPECT_EQ(driver_->Load<uint8_t>(header + 0x200), done->token + 1);
    }
    EXPECT_EQ(tokens, 0xffffu);
  }
}

// Whatever is in progress, a reset and a start find a whole disk.
TEST_P(BlkTest, ResetsAmongRequests) {
  Open({});
  if (IsSkipped()) return;
  for (unsigned round = 0; round < 20; ++round) {
    for (uint64_t i = 0; i < 8; ++i) {
      PutHeader(0, 0);
      ASSERT_TRUE(driver_->Add(
          {{kHeader, 16, false}, {kPayload + 512 * i, 512, true}, {kStatus, 1, true}}, i, true));
    }
    Kick(0);
    SetStatus(0);
    ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
    Start({false, true, true});
    EXPECT_EQ(Read(2, 512).first, 0);
  }
}

// Every request comes, in no less time than its rate says, also over resets.
TEST_P(BlkTest, ARateHoldsAndLosesNothing) {
  BlkOptions options;
  options.rate = {100, 0};
  Open(options);
  if (IsSkipped()) return;
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < 12; ++i) EXPECT_EQ(Read(i, 512).first, 0);
  for (uint64_t i = 0; i < 8; ++i) {
    PutHeader(0, 0);
    ASSERT_TRUE(driver_->Add(
        {{kHeader, 16, false}, {kPayload + 512 * i, 512, true}, {kStatus, 1, true}}, i, true));
  }
  Kick(0);
  SetCommand(vmm::pci::kCommandMemory);
  SetCommand(vmm::pci::kCommandMemory | vmm::pci::kCommandMaster);
  for (unsigned i = 0; i < 8; ++i) {
    EXPECT_TRUE(Eventually([&] { return driver_->Reap().has_value(); }));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(80));
  PutHeader(0, 0);
  for (uint64_t i = 0; i < 16; ++i) {
    if (!driver_->Add({{kHeader, 16, false}, {kPayload, 512, true}, {kStatus, 1, true}}, i, true))
      break;
  }
  Kick(0);
  SetStatus(0);
  ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
  Start({false, true, true});
  EXPECT_EQ(Read(2, 512).first, 0);
}

// A queue that always has more takes nothing from another one's share.
TEST_P(BlkTest, ARateIsSharedByTheQueues) {
  BlkOptions options;
  options.rate = {100, 0};
  options.queues = 2;
  Open(options);
  if (IsSkipped()) return;
  constexpr uint64_t kFurther = 0x20000;
  Start({false, true, false});
  SetStatus(0);
  ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
  SetStatus(3);
  Negotiate(kVersion1 | vmm::virtio::feature::kIndirect);
  SetStatus(11);
  EnableMsix(3);
  SetUpQueue(0, 1);
  std::optional<VirtioDriver> other(std::in_place, std::span(bytes_).subspan(kFurther),
                                    kBase + kFurther, uint16_t{16},
                                    RingFeatures{false, true, false});
  std::swap(driver_, other);
  SetUpQueue(1, 2);
  std::swap(driver_, other);
  SetStatus(15);
  PutHeader(0, 0);
  for (uint64_t i = 0; i < 16; ++i) {
    for (auto* const driver : {&driver_, &other}) {
      ASSERT_TRUE((*driver)->Add({{kHeader, 16, false}, {kPayload, 512, true}, {kStatus, 1, true}},
                                 i, true));
    }
  }
  Kick(0);
  Kick(1);
  unsigned done = 0, others = 0;
  ASSERT_TRUE(Eventually([&] {
    while (other->Reap()) ++others;
    while (driver_->Reap()) ++done;
    return done == 16;
  }));
  EXPECT_GE(others, 3u);
  SetStatus(0);
  ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
}

TEST_P(BlkTest, AReadOnlyDiskIsNotWritten) {
  BlkOptions options;
  options.image.readonly = true;
  Open(options);
  if (IsSkipped()) return;
  EXPECT_EQ(Write(0, 512).first, 1);
  EXPECT_EQ(Range(13, 0, 1).first, 1);
  EXPECT_EQ(Range(11, 0, 1).first, 2);
  EXPECT_EQ(Read(0, 512).first, 0);
  EXPECT_EQ(Flush().first, 0);
  EXPECT_EQ(OnDisk(0), 1);
}

}  // namespace
}  // namespace vmm::virtio
