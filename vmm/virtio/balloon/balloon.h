// virtio-balloon: the guest gives pages to the host and takes them back (virtio 1.2, 5.5).
//
// What becomes of the pages DmaRam decides. A request is worked off in turns of at most 256 pages
// and a few blocks of RAM each, whatever its size, so that other devices have their turn; the next
// one of its queue waits in the ring. Pages that are given back are mapped for DMA before the guest
// has its answer: what cannot be mapped is tried again every second, and the guest waits.
//
// When the driver lets go of the device, or can do nothing more with it (a reset, bus mastering
// that ends, a queue that is given up in the middle of a request), all RAM is the guest's again.
//
// Queues as Linux and QEMU number them: inflate, deflate, statistics, and free pages where they are
// offered (the specification's number of that one is 4).
//
// Threads: state() from any; the rest as Device says.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vmm/dma_ram.h"
#include "vmm/event_loop.h"
#include "vmm/virtio/balloon/statistics.h"
#include "vmm/virtio/device.h"

namespace vmm::virtio {

// 5.5.3.
namespace balloon_feature {
inline constexpr uint64_t kMustTellHost = 1u << 0;
inline constexpr uint64_t kStatistics = 1u << 1;
inline constexpr uint64_t kDeflateOnOom = 1u << 2;
inline constexpr uint64_t kPagePoison = 1u << 4;
inline constexpr uint64_t kReporting = 1u << 5;
}  // namespace balloon_feature

struct BalloonShape {
  std::string name;
  bool must_tell = false;  // a driver that does not take MUST_TELL_HOST is refused
  bool deflate_on_oom = false;
  bool reporting = false;
  std::chrono::seconds statistics{0};  // 0: only when they are asked for
  uint32_t target = 0;                 // pages that the guest is to give
};

struct BalloonState {
  bool driver = false;  // the guest has one, which has started the device
  bool tells = false;   // before it uses a page again
  bool reporting = false;
  uint64_t target = 0;  // bytes that the guest is to give
  uint64_t actual = 0;  // that it says it has given
  Statistics statistics;
  std::optional<std::chrono::steady_clock::time_point> told;  // when it told them
};

class Balloon final : public Device {
 public:
  static constexpr size_t kPagesOfTurn = 256;
  static constexpr std::chrono::seconds kRetry{1};

  // All called on the I/O thread.
  struct Wiring {
    // The guest says it has given so many bytes.
    std::function<void(uint64_t bytes)> changed = [](uint64_t) {};
    // What the guest wants back cannot be mapped: once for each request that waits.
    std::function<void(const base::Error&)> stuck = [](const base::Error&) {};
    // The guest has memory that devices do not reach: it must not go on.
    std::function<void(const base::Error&)> lost = [](const base::Error&) {};
  };

  // The RAM outlives it.
  Balloon(BalloonShape shape, DmaRam& ram, Wiring wiring);

  BalloonState state() const;
  // On the I/O thread.
  void SetTarget(uint32_t pages);
  void AskForStatistics();

  const DeviceModel& model() const override { return model_; }
  void Attach(ChangeConfig change) override { change_config_ = std::move(change); }
  void WriteConfig(uint64_t offset, Width width, uint64_t value) override;
  base::Status Start(uint64_t features, EventLoop& loop) override;
  bool Wants(Worker& worker) override;
  void Handle(Worker& worker, const Chain& chain) override;
  void LetGo() override;
  void OnMasterOff() override { Restore(); }
  void Stop() override;

 private:
  enum Queue : uint16_t { kInflate = 0, kDeflate = 1, kStatistics = 2, kReporting = 3 };
  // A request in progress.
  struct Job {
    Worker* worker = nullptr;  // none: no request
    Chain chain;
    uint64_t offset = 0;  // of the next page's number
    bool stuck = false;
  };
  enum class Turn : uint8_t { kDone, kMore, kStuck };
  Turn Advance(Job& job);
  void RunJobs();
  void Finish(Job& job);
  void HandleStatistics(Worker& worker, const Chain& chain);
  void HandleReport(Worker& worker, const Chain& chain);
  void GiveStatisticsBack();
  void Restore();
  void ArmStatistics();
  std::vector<std::byte> Config() const;

  const BalloonShape shape_;
  DmaRam* ram_;
  const Wiring wiring_;
  DeviceModel model_;
  ChangeConfig change_config_;
  std::array<Job, 2> jobs_;  // by queue
  std::unique_ptr<Timer> turn_;
  std::unique_ptr<Timer> ask_;
  Worker* statistics_ = nullptr;  // that the buffer is of; none: the guest has it
  Chain statistics_buffer_;
  uint32_t target_ = 0;
  uint32_t actual_ = 0;
  uint32_t poison_ = 0;

  mutable std::mutex mutex_;
  BalloonState state_;
};

}  // namespace vmm::virtio
