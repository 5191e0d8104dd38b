// A guest that does anything with the registers, the rings and the requests of a virtio disk, or a
// host whose storage fails, fills up and changes its size under one that works: the
// device bears it, every request that it can give back comes back, and after a reset it works.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <memory>
#include <random>

#include "sysfs/base/log.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/virtio_function.h"
#include "vmm/virtio/blk/blk.h"

namespace test::virtio_function {

class Guest final : public VirtioFunction {
 public:
  static constexpr uint64_t kHeader = kData;
  static constexpr uint64_t kStatus = kData + 0x800;
  static constexpr uint64_t kPayload = kData + 0x1000;
  static constexpr off_t kMostBytes = 300 * 512;

  Guest() : file_(::memfd_create("disk", MFD_CLOEXEC)) {
    base::SetLogLevel(base::Level::kError);
    EXPECT_EQ(::ftruncate(file_.raw(), 64 * 1024), 0);
    vmm::virtio::BlkOptions options;
    options.image.file = "/proc/self/fd/" + std::to_string(file_.raw());
    options.queues = 2;
    options.image.raw = true;
    options.packed = true;
    options.errors = {vmm::virtio::ErrorPolicy::kStop, vmm::virtio::ErrorPolicy::kStop};
    auto ring = vmm::virtio::BlkRing::Create();
    EXPECT_TRUE(ring.has_value()) << ring.error().message();
    if (!ring) return;
    auto made = vmm::virtio::Blk::Create(options, *ring);
    EXPECT_TRUE(made.has_value()) << made.error().message();
    if (!made) return;
    disk_ = made->get();
    Make(std::move(*made));
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() override {
    TearDown();
    base::SetLogLevel(base::Level::kInfo);
  }

  template <class Input>
  void PlayRegisters(Input& input) {
    while (input.remaining_bytes() > 0) Touch(input);
    CheckItWorks();
  }
  template <class Input>
  void PlayRequests(Input& input) {
    Start({input.ConsumeBool(), input.ConsumeBool(), input.ConsumeBool()});
    uint64_t token = 0;
    while (input.remaining_bytes() > 0 && !HasFailure()) {
      const auto count = input.template ConsumeIntegralInRange<unsigned>(1, 4);
      unsigned added = 0;
      for (unsigned i = 0; i < count; ++i) added += AddRequest(input, token++) ? 1 : 0;
      Kick(0);
      for (unsigned i = 0; i < added; ++i) {
        ASSERT_TRUE(Eventually([&] { return driver_->Reap().has_value(); }))
            << "a request was not given back";
      }
    }
    CheckItWorks();
  }

  // Whatever the storage does, a request comes back or waits for the next try.
  template <class Input>
  void PlayStorage(Input& input) {
    chance_.seed(input.template ConsumeIntegral<uint32_t>());
    disk_->SetEngine([this](const base::Fd& image, vmm::EventLoop& loop,
                            vmm::virtio::BlkCallbacks callbacks) {
      return base::Result<std::unique_ptr<vmm::virtio::BlkEngine>>(std::make_unique<ScriptedEngine>(
          image, loop, std::move(callbacks),
          [this](const base::Fd& file, vmm::virtio::BlkOp& op) { return Storage(file, op); }));
    });
    features_ = 0x3fff & disk_->model().features;
    Start({input.ConsumeBool(), true, true});
    while (input.remaining_bytes() > 0 && !HasFailure()) {
      const auto count = input.template ConsumeIntegralInRange<unsigned>(1, 4);
      unsigned added = 0;
      for (unsigned i = 0; i < count; ++i) added += AddRequest(input, i) ? 1 : 0;
      Kick(0);
      if (DisturbStorage(input)) continue;
      unsigned came = 0;
      ASSERT_TRUE(Eventually([&] {
        while (driver_->Reap()) ++came;
        if (came == added) return true;
        OnIo([this] {
          EXPECT_EQ(::ftruncate(file_.raw(), kMostBytes), 0);
          disk_->Retry();
        });
        return false;
      })) << "a request was not given back";
    }
    OnIo([this] { sound_ = true; });
    ASSERT_EQ(::ftruncate(file_.raw(), 64 * 1024), 0);
    OnIo([this] { EXPECT_TRUE(disk_->Resize({}).has_value()); });
    CheckItWorks();
  }

  void TestBody() override {}

 private:
  // On the I/O thread.
  int64_t Storage(const base::Fd& file, vmm::virtio::BlkOp& op) {
    if (sound_) return vmm::virtio::Perform(file, op);
    switch (chance_() % 8) {
      case 0:
        return -ENOSPC;
      case 1:
        return -EIO;
      case 2:
        return -EINTR;
      case 3:
        EXPECT_EQ(::ftruncate(file_.raw(), static_cast<off_t>(chance_() % 0x10000)), 0);
        return vmm::virtio::Perform(file, op);
      case 4: {
        vmm::virtio::BlkOp part = op;
        part.iovecs.resize(std::min<size_t>(part.iovecs.size(), 1));
        for (iovec& one : part.iovecs) one.iov_len = std::min<size_t>(one.iov_len, 512);
        return vmm::virtio::Perform(file, part);
      }
      default:
        return vmm::virtio::Perform(file, op);
    }
  }
  // True when the requests have gone with a reset.
  template <class Input>
  bool DisturbStorage(Input& input) {
    const auto bytes = input.template ConsumeIntegralInRange<uint64_t>(0, kMostBytes / 512) * 512;
    switch (input.template ConsumeIntegralInRange<int>(0, 6)) {
      case 0:
        OnIo([&] { static_cast<void>(disk_->Resize(bytes)); });
        return false;
      case 1:
        OnIo([&] { static_cast<void>(disk_->Resize({})); });
        return false;
      case 2:
        EXPECT_EQ(::ftruncate(file_.raw(), static_cast<off_t>(bytes)), 0);
        return false;
      case 3:
        SetCommand(vmm::pci::kCommandMemory);
        SetCommand(vmm::pci::kCommandMemory | vmm::pci::kCommandMaster);
        return false;
      case 4:
        Write(vmm::virtio::kConfigPlace + vmm::virtio::kWritebackAt, Width::k1, bytes);
        return false;
      case 5:
        SetStatus(0);
        EXPECT_TRUE(Eventually([&] { return Status() == 0; }));
        Start({input.ConsumeBool(), true, true});
        return true;
      default:
        return false;
    }
  }
  template <class Input>
  void Touch(Input& input) {
    static constexpr Width kWidths[] = {Width::k1, Width::k2, Width::k4, Width::k8};
    const Width width = kWidths[input.template ConsumeIntegralInRange<size_t>(0, 3)];
    const uint64_t value = Value(input);
    if (input.template ConsumeIntegralInRange<int>(0, 7) == 0) {
      const auto narrow = std::min(width, Width::k4);
      const auto offset = input.ConsumeBool()
                              ? static_cast<uint16_t>(vmm::virtio::kWindowCapability + value % 20)
                              : input.template ConsumeIntegralInRange<uint16_t>(0, 0x110);
      if (input.ConsumeBool()) function_->ReadConfig(offset, narrow);
      function_->WriteConfig(offset, narrow, static_cast<uint32_t>(value));
      if (const auto wait = function_->Waiting()) wait();
      return;
    }
    const uint64_t place = input.template ConsumeIntegralInRange<uint64_t>(0, 7) * 0x1000;
    const uint64_t offset = place + input.template ConsumeIntegralInRange<uint64_t>(0, 72);
    Read(offset, width);
    Write(offset, width, value);
  }
  template <class Input>
  uint64_t Value(Input& input) {
    switch (input.template ConsumeIntegralInRange<int>(0, 3)) {
      case 0:
        return input.template ConsumeIntegralInRange<uint64_t>(0, 16);
      case 1:
        return kBase + 16 * input.template ConsumeIntegralInRange<uint64_t>(0, 0x8000);
      case 2:
        return uint64_t{1} << input.template ConsumeIntegralInRange<unsigned>(0, 63);
      default:
        return input.template ConsumeIntegral<uint64_t>();
    }
  }
  template <class Input>
  bool AddRequest(Input& input, uint64_t token) {
    static constexpr uint32_t kTypes[] = {0, 1, 4, 8, 11, 13, 2, 0xffffffff};
    driver_->Store<uint32_t>(kHeader, kTypes[input.template ConsumeIntegralInRange<size_t>(0, 7)]);
    driver_->Store<uint64_t>(
        kHeader + 8, input.ConsumeBool() ? input.template ConsumeIntegralInRange<uint64_t>(0, 140)
                                         : Value(input));
    for (unsigned at = 16; at < 64; at += 8) driver_->Store<uint64_t>(kHeader + at, Value(input));
    std::vector<VirtioDriver::Piece> pieces;
    pieces.push_back(
        {kHeader, input.ConsumeBool() ? 16u : static_cast<uint32_t>(Value(input) % 64), false});
    const auto count = input.template ConsumeIntegralInRange<unsigned>(0, 4);
    const bool reads = input.ConsumeBool();
    for (unsigned i = 0; i < count; ++i) {
      const uint64_t address = input.ConsumeBool() ? kPayload + 512 * i : Value(input);
      const auto size = input.ConsumeBool() ? 512u : static_cast<uint32_t>(Value(input) % 0x20000);
      pieces.push_back({address, size, reads});
    }
    if (input.ConsumeBool() || reads) pieces.push_back({kStatus, 1, true});
    // A hostile buffer may lie over the rings, and a read then breaks them: not this game.
    for (auto& piece : pieces) {
      const bool over =
          piece.writable && piece.address < kHeader && piece.address + piece.size > kBase;
      if (over) piece.writable = false;
    }
    std::stable_sort(pieces.begin(), pieces.end(), [](const auto& one, const auto& other) {
      return !one.writable && other.writable;
    });
    return driver_->Add(pieces, token, input.ConsumeBool());
  }
  void CheckItWorks() {
    SetCommand(vmm::pci::kCommandMemory | vmm::pci::kCommandMaster);
    SetStatus(0);
    ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
    Start({});
    driver_->Store<uint32_t>(kHeader, 0);
    driver_->Store<uint64_t>(kHeader + 8, 1);
    driver_->Store<uint8_t>(kStatus, 0xee);
    ASSERT_TRUE(
        driver_->Add({{kHeader, 16, false}, {kPayload, 512, true}, {kStatus, 1, true}}, 1, false));
    Kick(0);
    std::optional<VirtioDriver::Done> done;
    ASSERT_TRUE(Eventually([&] { return (done = driver_->Reap()).has_value(); }));
    EXPECT_EQ(done->written, 513u);
    EXPECT_EQ(driver_->Load<uint8_t>(kStatus), 0);
  }

  base::Fd file_;
  vmm::virtio::Blk* disk_ = nullptr;
  // The I/O thread's.
  std::minstd_rand chance_;
  bool sound_ = false;
};

template <class Input>
void PlayRegisters(Input& input) {
  Guest().PlayRegisters(input);
}
template <class Input>
void PlayRequests(Input& input) {
  Guest().PlayRequests(input);
}
template <class Input>
void PlayStorage(Input& input) {
  Guest().PlayStorage(input);
}

}  // namespace test::virtio_function
