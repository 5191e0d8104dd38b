// A disk on an engine that does what a test says, and what a driver does with it.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

#include "tests/support/matchers.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/temp_folder.h"
#include "tests/support/virtio_function.h"
#include "vmm/virtio/blk/blk.h"

namespace vmm::virtio {

class BlkErrors : public test::VirtioFunction {
 protected:
  static constexpr uint64_t kHeader = kData;
  static constexpr uint64_t kStatus = kData + 64;
  static constexpr uint64_t kPayload = kData + 0x1000;
  static constexpr uint64_t kBytes = 64 * 1024;

  BlkErrors() {
    path_ = folder_.path() + "/disk";
    file_ = base::Fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(::ftruncate(file_.raw(), kBytes), 0);
    features_ = blk_feature::kFlush;
  }
  void Open(BlkOptions options = {}) {
    options.image.file = path_;
    options.errors = WithDefaults(options.errors, true);
    auto made = Blk::Create(std::move(options));
    ASSERT_THAT(made, test::IsOk());
    disk_ = made->get();
    disk_->OnFault([this](const BlkFault& fault) {
      const std::lock_guard lock(mutex_);
      faults_.push_back(fault);
    });
    disk_->SetEngine([this](const base::Fd& image, EventLoop& loop, BlkCallbacks callbacks) {
      return base::Result<std::unique_ptr<BlkEngine>>(std::make_unique<test::ScriptedEngine>(
          image, loop, std::move(callbacks), [this](const base::Fd& file, BlkOp& op) {
            syncs_.push_back(op.sync);
            return script_ ? script_(file, op) : Perform(file, op);
          }));
    });
    Make(std::move(*made));
    Start({false, true, true});
  }
  // On the I/O thread, between two operations.
  void Set(test::Script script) {
    OnIo([&] { script_ = std::move(script); });
  }
  // This many operations fail, then all go well.
  void FailNext(unsigned count, int error) {
    Set([count, error](const base::Fd& file, BlkOp& op) mutable -> int64_t {
      return count > 0 && count-- > 0 ? -error : Perform(file, op);
    });
  }
  void Give(uint32_t type, uint64_t sector, uint32_t bytes) {
    driver_->Store<uint32_t>(kHeader, type);
    driver_->Store<uint64_t>(kHeader + 8, sector);
    driver_->Store<uint8_t>(kStatus, 0xee);
    std::vector<test::VirtioDriver::Piece> pieces = {{kHeader, 16, false}};
    if (bytes != 0) pieces.push_back({kPayload, bytes, type == 0});
    pieces.push_back({kStatus, 1, true});
    ASSERT_TRUE(driver_->Add(pieces, 1, true));
    Kick(0);
  }
  int Answer() {
    EXPECT_TRUE(test::Eventually([&] { return driver_->Reap().has_value(); }));
    return driver_->Load<uint8_t>(kStatus);
  }
  int Do(uint32_t type, uint64_t sector, uint32_t bytes) {
    Give(type, sector, bytes);
    return Answer();
  }
  int Write(uint64_t sector, uint32_t bytes) { return Do(1, sector, bytes); }
  using VirtioFunction::Write;
  int Flush() { return Do(4, 0, 0); }
  std::vector<BlkFault> Faults() {
    const std::lock_guard lock(mutex_);
    return faults_;
  }
  bool HasFault() {
    return test::Eventually([&] { return !Faults().empty(); });
  }
  void Fill(uint8_t value, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; ++i) driver_->Store<uint8_t>(kPayload + i, value);
  }
  std::string OnDisk(uint64_t offset, size_t size) {
    std::string bytes(size, '?');
    EXPECT_EQ(::pread(file_.raw(), bytes.data(), size, static_cast<off_t>(offset)),
              static_cast<ssize_t>(size));
    return bytes;
  }
  uint64_t FileBytes() {
    struct stat facts {};
    EXPECT_EQ(::fstat(file_.raw(), &facts), 0);
    return static_cast<uint64_t>(facts.st_size);
  }
  base::Result<uint64_t> Resize(std::optional<uint64_t> bytes) {
    base::Result<uint64_t> result = uint64_t{0};
    OnIo([&] { result = disk_->Resize(bytes); });
    return result;
  }
  uint64_t Capacity() { return Read(kConfigPlace, Width::k4); }

  test::TempFolder folder_{test::OnDisk()};
  std::string path_;
  base::Fd file_;
  Blk* disk_ = nullptr;
  test::Script script_;      // the I/O thread's
  std::vector<bool> syncs_;  // the I/O thread's
  std::mutex mutex_;
  std::vector<BlkFault> faults_;
};

}  // namespace vmm::virtio
