#include "vmm/emulated_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "sysfs/base/log.h"
#include "vmm/platform.h"
#include "vmm/virtio/console/open_file.h"
#include "vmm/virtio/net/tap_plan.h"
#include "vmm/virtio/rate_limit.h"
#include "vmm/virtio/rng.h"

namespace vmm {

namespace {

EmulatedStats StatsOf(const EmulatedDevices::Emulated& one) {
  const virtio::DeviceCounters& counters = one.function->counters();
  return {one.id,
          counters.traps,
          counters.kicks,
          counters.batches,
          counters.requests,
          counters.interrupts,
          counters.suppressed};
}

std::shared_ptr<virtio::BlkRing> MakeRing() {
  auto ring = virtio::BlkRing::Create();
  if (ring) return *ring;
  base::Log(base::Level::kInfo, "vmm: disks are read and written by threads: {}",
            ring.error().message());
  return nullptr;
}

constexpr std::chrono::seconds kResizePatience{3};

// Of one device, on the devices' thread.
NoticeHandler AtMostOneInASecond(NoticeHandler notice) {
  return [notice = std::move(notice),
          bucket = std::make_shared<virtio::TokenBucket>(1)](DeviceNotice what) {
    const auto* const fault = std::get_if<virtio::BlkFault>(&what.what);
    const auto now = virtio::RateLimiter::SteadyTime();
    const bool over = bucket->Delay(now) > std::chrono::nanoseconds(0);
    if (over && (fault == nullptr || !fault->stop)) return;
    bucket->Take(1, now);
    if (notice) notice(std::move(what));
  };
}

// What happens on the host is told, and a guest's broken queue.
virtio::Blk* Listen(virtio::Device& device, const NoticeHandler& notice, const std::string& id) {
  auto* const disk = dynamic_cast<virtio::Blk*>(&device);
  if (disk != nullptr) {
    disk->OnFault([notice, id](const virtio::BlkFault& fault) { notice({id, fault}); });
  }
  return disk;
}

}  // namespace

base::Result<std::unique_ptr<EmulatedDevices>> EmulatedDevices::Create(
    Wiring wiring, const Options& options, const std::vector<PlannedEmulated>& plan) {
  std::unique_ptr<EmulatedDevices> devices(new EmulatedDevices(std::move(wiring), options));
  for (const virtio::NetOptions& net : options.nets) {
    TRY(virtio::CheckLink(*devices->wiring_.tree, net));
  }
  const bool grows = devices->has_monitor_;
  if (grows || !options.disks.empty()) devices->ring_ = MakeRing();
  if (grows) devices->io_ = TRY(virtio::IoThread::Create());
  for (const PlannedEmulated& planned : plan) TRY(devices->Add(planned));
  devices->started_ = true;
  return devices;
}

EmulatedDevices::EmulatedDevices(Wiring wiring, const Options& options)
    : wiring_(std::move(wiring)),
      ram_(*wiring_.memory),
      has_monitor_(!options.name.empty() || !options.monitor.empty()),
      assigns_(!options.assign.empty()),
      has_balloon_(options.balloon.has_value()),
      memory_bytes_(options.memory_bytes) {}

// One that comes later may find devices, of which it does not know.
base::Result<EmulatedDevices::Made> EmulatedDevices::MakeBalloon(
    const virtio::BalloonOptions& request, const std::string& id) {
  if (!has_balloon_) {
    return base::Fail(base::Code::kUnfit, id + ": the machine's RAM was not mapped for a balloon",
                      "start it with --balloon");
  }
  if (FindBalloon() != nullptr) return base::Fail(base::Code::kUsage, id + ": there is a balloon");
  virtio::BalloonShape shape;
  shape.name = id;
  shape.must_tell = assigns_ || started_;
  shape.deflate_on_oom = request.deflate_on_oom.value_or(!shape.must_tell);
  shape.reporting = request.reporting;
  shape.statistics = request.statistics;
  const uint64_t size = std::min(request.size.value_or(memory_bytes_), memory_bytes_);
  shape.target = static_cast<uint32_t>((memory_bytes_ - size) / base::kPageSize);
  return Made{std::make_unique<virtio::Balloon>(std::move(shape), *wiring_.balloon.ram,
                                                wiring_.balloon.wiring),
              nullptr};
}

base::Result<EmulatedDevices::Made> EmulatedDevices::MakeNet(const virtio::NetOptions& request) {
  TRY(virtio::CheckLink(*wiring_.tree, request));
  const auto* const link = std::get_if<virtio::MacvtapLink>(&request.link);
  if (link == nullptr) return Made{TRY(virtio::Net::Create(*wiring_.kernel, request)), nullptr};
  const auto macvtap =
      std::make_shared<virtio::Macvtap>(TRY(virtio::Macvtap::Create(link->lower, request.mac)));
  return Made{TRY(virtio::Net::CreateMacvtap(*wiring_.kernel, request, *macvtap)), macvtap};
}

base::Result<EmulatedDevices::Made> EmulatedDevices::MakeConsole(const ConsoleRequest& request) {
  if (request.file.empty()) {
    return Made{TRY(virtio::Console::Create(TRY(wiring_.console()))), nullptr};
  }
  virtio::ConsoleOptions options;
  options.output = TRY(virtio::OpenConsoleFile(request.file));
  options.name = request.file;
  return Made{TRY(virtio::Console::Create(std::move(options))), nullptr};
}

base::Result<EmulatedDevices::Made> EmulatedDevices::Make(const EmulatedRequest& request,
                                                          const std::string& id) {
  if (const auto* const wanted = std::get_if<virtio::BlkOptions>(&request)) {
    virtio::BlkOptions disk = *wanted;
    disk.errors = virtio::WithDefaults(disk.errors, has_monitor_);
    return Made{TRY(virtio::Blk::Create(std::move(disk), ring_)), nullptr};
  }
  if (const auto* const net = std::get_if<virtio::NetOptions>(&request)) return MakeNet(*net);
  if (const auto* const balloon = std::get_if<virtio::BalloonOptions>(&request)) {
    return MakeBalloon(*balloon, id);
  }
  if (const auto* const console = std::get_if<ConsoleRequest>(&request)) {
    return MakeConsole(*console);
  }
  return Made{std::make_unique<virtio::Rng>(), nullptr};
}

base::Result<std::shared_ptr<virtio::VirtioPci>> EmulatedDevices::Add(
    const PlannedEmulated& planned) {
  if (!io_) io_ = TRY(virtio::IoThread::Create());
  auto [device, macvtap] = TRY(Make(planned.request, planned.id));
  const NoticeHandler notice = AtMostOneInASecond(wiring_.notice);
  Emulated made{planned.id,
                planned.devfn(),
                std::move(macvtap),
                nullptr,
                Listen(*device, notice, planned.id),
                dynamic_cast<virtio::Balloon*>(device.get()),
                dynamic_cast<virtio::Net*>(device.get())};
  const auto* const console = std::get_if<ConsoleRequest>(&planned.request);
  if (console != nullptr && console->file.empty()) {
    made.console = dynamic_cast<virtio::Console*>(device.get());
  }
  if (made.net != nullptr && wiring_.driver_came) {
    made.net->OnDriver(
        [tell = wiring_.driver_came, id = planned.id](bool knows) { tell(id, knows); });
  }
  virtio::VirtioPciOptions pci{planned.id, IntxGsi(planned.guest_slot, 0), {}};
  pci.broken = [notice, id = planned.id](uint16_t queue, std::string_view reason) {
    notice({id, QueueBroken{queue, std::string(reason)}});
  };
  pci.was_reset = wiring_.was_reset;
  made.function = TRY(virtio::VirtioPci::Create(std::move(pci), std::move(device), ram_, *io_));
  all_.push_back(std::move(made));
  return all_.back().function;
}

// A processor that is in the middle of an access may have the function for a while yet: it must not
// be who ends the device, for which its thread has no calls.
void EmulatedDevices::End(Emulated taken) {
  taken.function->Drain();
  io_->Settle();
  const std::unique_ptr<virtio::Device> device = taken.function->Retire();
  // What such a processor has posted meanwhile is done with it.
  io_->Settle();
}

base::Result<uint64_t> EmulatedDevices::ResizeDisk(const std::string& id,
                                                   std::optional<uint64_t> bytes) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Emulated& one) {
    return one.id == id && one.disk != nullptr;
  });
  if (found == all_.end())
    return base::Fail(base::Code::kNotFound, id + ": no disk of this machine");
  auto answer = std::make_shared<std::promise<base::Result<uint64_t>>>();
  auto size = answer->get_future();
  io_->loop().Post([answer, bytes, disk = found->disk, function = found->function] {
    answer->set_value(disk->Resize(bytes));
  });
  if (size.wait_for(kResizePatience) == std::future_status::ready) return size.get();
  return base::Fail(base::Code::kTimedOut, id + ": the host's storage does not answer",
                    "query-block shows the size when it has");
}

bool EmulatedDevices::quiet() const {
  const auto is_quiet = [](const std::weak_ptr<virtio::VirtioPci>& one) {
    const auto function = one.lock();
    return !function || function->quiet();
  };
  return std::all_of(all_.begin(), all_.end(),
                     [](const Emulated& one) { return one.function->quiet(); }) &&
         std::all_of(leaving_.begin(), leaving_.end(), is_quiet);
}

void EmulatedDevices::Retry() {
  for (const Emulated& one : all_) {
    if (one.disk == nullptr) continue;
    io_->loop().Post([disk = one.disk, function = one.function] { disk->Retry(); });
  }
}

EmulatedDevices::~EmulatedDevices() {
  for (const Emulated& one : all_) one.function->Drain();
  if (io_) io_->Settle();
}

std::string EmulatedDevices::FreeId(const EmulatedRequest& request) const {
  for (unsigned number = 0;; ++number) {
    std::string id = fmt::format("{}{}", KindOf(request).name, number);
    const bool taken =
        std::any_of(all_.begin(), all_.end(), [&](const Emulated& one) { return one.id == id; });
    if (!taken) return id;
  }
}

std::vector<EmulatedStats> EmulatedDevices::stats() const {
  std::vector<EmulatedStats> all = gone_;
  for (const Emulated& one : all_) all.push_back(StatsOf(one));
  return all;
}

const EmulatedDevices::Emulated* EmulatedDevices::FindBalloon() const {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [](const Emulated& one) { return one.balloon != nullptr; });
  return found == all_.end() ? nullptr : &*found;
}

std::optional<virtio::BalloonState> EmulatedDevices::balloon() const {
  const Emulated* const found = FindBalloon();
  if (found == nullptr) return std::nullopt;
  return found->balloon->state();
}

void EmulatedDevices::WithBalloon(std::function<void(virtio::Balloon&)> function) const {
  const Emulated* const found = FindBalloon();
  if (found == nullptr) return;
  io_->loop().Post([owner = found->function, balloon = found->balloon,
                    function = std::move(function)] { function(*balloon); });
}

void EmulatedDevices::WithNet(const std::string& id,
                              std::function<void(virtio::Net&)> function) const {
  for (const Emulated& one : all_) {
    if (one.id != id || one.net == nullptr) continue;
    io_->loop().Post([owner = one.function, net = one.net, function] { function(*net); });
  }
}

void EmulatedDevices::SetLink(const std::string& id, bool up) const {
  WithNet(id, [up](virtio::Net& net) { net.SetLink(up); });
}

void EmulatedDevices::Announce(const std::string& id) const {
  WithNet(id, [](virtio::Net& net) { net.Announce(); });
}

void EmulatedDevices::DrainBalloon() const {
  if (const Emulated* const found = FindBalloon()) found->function->Drain();
}

const EmulatedDevices::Emulated* EmulatedDevices::FindConsole() const {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [](const Emulated& one) { return one.console != nullptr; });
  return found == all_.end() ? nullptr : &*found;
}

std::optional<size_t> EmulatedDevices::ConsoleInput(std::span<const uint8_t> bytes) const {
  const Emulated* const found = FindConsole();
  if (found == nullptr) return std::nullopt;
  return found->console->Input(bytes);
}

void EmulatedDevices::ResizeConsole(uint16_t columns, uint16_t rows) const {
  const Emulated* const found = FindConsole();
  if (found == nullptr) return;
  io_->loop().Post([owner = found->function, console = found->console, columns, rows] {
    console->Resize(columns, rows);
  });
}

std::optional<EmulatedDevices::Emulated> EmulatedDevices::Take(uint8_t port) {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const Emulated& one) { return one.port == port; });
  if (found == all_.end()) return std::nullopt;
  Emulated taken = std::move(*found);
  std::erase_if(leaving_, [](const auto& one) { return one.expired(); });
  leaving_.push_back(taken.function);
  all_.erase(found);
  gone_.push_back(StatsOf(taken));
  return taken;
}

}  // namespace vmm
