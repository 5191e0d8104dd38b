// A virtio disk of any kind, on storage in memory, with one queue. The image is a file whose size
// alone counts.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/fuzz/blk_storage.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/one_queue.h"
#include "vmm/virtio/blk/blk.h"

namespace test {

class FuzzedDisk {
 public:
  static constexpr size_t kSectors = 24;

  explicit FuzzedDisk(Input& input)
      : input_(&input), file_(::memfd_create("disk", MFD_CLOEXEC)), storage_(kSectors * 512) {
    using vmm::virtio::CacheMode;
    using vmm::virtio::ErrorPolicy;
    SetFileBytes(kSectors * 512);
    options_.image.file = "/proc/self/fd/" + std::to_string(file_.raw());
    options_.image.raw = true;
    options_.image.readonly = input.ConsumeIntegralInRange(0, 7) == 0;
    options_.image.cache = input.PickValueInArray(
        {CacheMode::kWriteback, CacheMode::kNone, CacheMode::kWritethrough, CacheMode::kUnsafe});
    options_.serial = "a number";
    const auto policy = input.PickValueInArray({ErrorPolicy::kReport, ErrorPolicy::kStop});
    options_.errors = {policy, policy};
    auto made = vmm::virtio::Blk::Create(options_);
    // Where files in memory have no direct access.
    if (!made) options_.image.cache = CacheMode::kWriteback;
    blk_ = made ? std::move(*made) : std::move(*vmm::virtio::Blk::Create(options_));
    blk_->SetMostBounce(0x2000);
    blk_->SetEngine([this](const base::Fd&, vmm::EventLoop&, vmm::virtio::BlkCallbacks callbacks) {
      return base::Result<std::unique_ptr<vmm::virtio::BlkEngine>>(
          storage_.MakeEngine(std::move(callbacks)));
    });
    // What is tried again may come to an end that has moved.
    storage_.SetRules(
        {options_.image.readonly, direct() ? 512u : 1u, policy == ErrorPolicy::kReport});
    storage_.grown = [this](size_t bytes) { SetFileBytes(bytes); };
    queue_ = std::make_unique<OneQueue>(*blk_);
  }
  FuzzedDisk(const FuzzedDisk&) = delete;
  FuzzedDisk& operator=(const FuzzedDisk&) = delete;

  vmm::virtio::Blk& blk() { return *blk_; }
  BlkStorage& storage() { return storage_; }
  OneQueue& queue() { return *queue_; }
  const vmm::virtio::BlkOptions& options() const { return options_; }
  bool direct() const { return options_.image.cache == vmm::virtio::CacheMode::kNone; }
  bool unsafe() const { return options_.image.cache == vmm::virtio::CacheMode::kUnsafe; }

  void SetFileBytes(size_t bytes) {
    Check(::ftruncate(file_.raw(), static_cast<off_t>(bytes)) == 0, "a file of any size");
    storage_.bytes().resize(bytes);
  }
  size_t FileBytes() const { return static_cast<size_t>(::lseek(file_.raw(), 0, SEEK_END)); }

  // The features that its driver has taken.
  uint64_t Start() {
    using namespace vmm::virtio::blk_feature;  // NOLINT: a test's own
    uint64_t features = blk_->model().features & input_->ConsumeIntegral<uint32_t>();
    if ((features & kFlush) == 0) features &= ~kConfigWce;
    queue_->Start(features, {input_->ConsumeBool(), input_->ConsumeBool(), input_->ConsumeBool()});
    return features;
  }
  // Its driver lets go of it: what is in progress ends.
  void End() {
    queue_->End();
    while (storage_.waiting() > 0) EndOne();
    queue_->Drop();
    bool flushed = false;
    blk_->Flush([&] { flushed = true; });
    while (storage_.waiting() > 0) EndOne();
    queue_->RunLoop();
    Check(flushed, "a device that is let go of ends");
    blk_->Stop();
    queue_->RunLoop();
  }

  void EndOne() {
    storage_.End(0, {});
    storage_.EndBatch();
  }
  void EndSome() {
    if (storage_.waiting() == 0) return;
    for (auto count = input_->ConsumeIntegralInRange(1, 3); count > 0; --count) {
      if (storage_.waiting() == 0) break;
      const auto index = input_->ConsumeIntegralInRange<size_t>(0, storage_.waiting() - 1);
      storage_.End(index, TakeLuck());
    }
    storage_.EndBatch();
  }

 private:
  BlkStorage::Luck TakeLuck() {
    switch (input_->ConsumeIntegralInRange(0, 15)) {
      case 0:
        return {EINTR};
      case 1:
        return {EAGAIN};
      case 2:
        return {input_->PickValueInArray({EIO, ENOSPC, EOPNOTSUPP})};
      case 3:
      case 4:
        return {0, direct() ? 512 * input_->ConsumeIntegralInRange<uint64_t>(1, 4)
                            : input_->ConsumeIntegralInRange<uint64_t>(1, 1500)};
      default:
        return {};
    }
  }

  Input* input_;
  base::Fd file_;
  BlkStorage storage_;
  vmm::virtio::BlkOptions options_;
  std::unique_ptr<vmm::virtio::Blk> blk_;
  std::unique_ptr<OneQueue> queue_;
};

}  // namespace test
