// A virtio-pci function under any accesses to its configuration space and its BAR, of any width at
// any place by each of the ways there are: it reads as the models of its registers, and after a
// reset it works.
#include "vmm/virtio/virtio_pci.h"

#include "tests/fuzz/common_model.h"
#include "tests/fuzz/config_model.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/mirror_device.h"
#include "tests/fuzz/ram_block.h"
#include "tests/support/fake_router.h"
#include "tests/support/virtio_driver.h"
#include "vmm/bus.h"
#include "vmm/virtio/transport/pci_layout.h"

namespace {

using namespace vmm::virtio;
using vmm::Width;

constexpr uint64_t kBase = 0x100000;
constexpr uint64_t kData = kBase + 0x12000;
constexpr uint64_t kRamBytes = 0x12100;

IoThread& Io() {
  static const std::unique_ptr<IoThread> io = std::move(*IoThread::Create());
  return *io;
}

class Game {
 public:
  explicit Game(test::Input& input) : input_(&input) {
    auto device = std::make_unique<test::MirrorDevice>();
    mirror_ = device.get();
    device_config_ = mirror_->model().config;
    common_.emplace(mirror_->model(), 3);
    function_ = std::move(*VirtioPci::Create({"game", 20, {}, {}}, std::move(device), ram_, Io()));
    test::Check(function_->Connect(router_).has_value(), "interrupts go");
    static const test::ConfigModel first(
        [this](uint16_t at) { return function_->ReadConfig(at, Width::k4); });
    config_ = first;
  }
  Game(const Game&) = delete;
  Game& operator=(const Game&) = delete;
  ~Game() {
    function_->Disconnect();
    function_->Drain();
    function_->Retire();
    function_.reset();
    Io().Settle();
  }

  void Play() {
    // As firmware leaves it.
    Configure(0x10, Width::k4, 0xc0000000);
    Configure(4, Width::k2, 2);
    while (input_->remaining_bytes() > 0) Step();
    CheckItWorks();
  }

 private:
  void Step() {
    const Width width = test::TakeWidth(*input_);
    switch (input_->ConsumeIntegralInRange(0, 15)) {
      case 0:
        return input_->ConsumeBool() ? CheckItWorks() : ResetQueue();
      case 1:
      case 2: {
        const uint16_t offset = TakeConfigOffset();
        Configure(offset, test::TakeConfigWidth(*input_), TakeValue());
        return CheckConfig(static_cast<uint16_t>(offset & ~3u), Width::k4);
      }
      case 3:
        return CheckConfig(TakeConfigOffset(), test::TakeConfigWidth(*input_));
      case 4:
      case 5:
        return SetWindow();
      case 6:
        return Change();
      case 7:
        return Start(TakeQueue(), input_->ConsumeBool() ? 15 : 11);
      case 8:
      case 9:
      case 10: {
        const auto one = input_->PickValueInArray(test::CommonModel::kRegisters);
        Write(one.at, one.width, TakeValue());
        return CheckBar(one.at, one.width);
      }
      case 11:
      case 12: {
        const uint64_t offset = TakeOffset();
        Write(offset, width, TakeValue());
        return CheckBar(offset & ~uint64_t{7}, Width::k8);
      }
      default:
        return CheckBar(TakeOffset(), width);
    }
  }

  // Mostly where something is.
  uint64_t TakeOffset() {
    static constexpr std::array<uint64_t, 9> kUsed = {64, 1, 7, 9, 0, 0, 52, 9, 0};
    const auto place = input_->ConsumeIntegralInRange<size_t>(0, kUsed.size() - 1);
    const bool any = input_->ConsumeIntegralInRange(0, 15) == 0;
    return place * kPlaceBytes +
           input_->ConsumeIntegralInRange<uint64_t>(0, any ? kPlaceBytes - 1 : kUsed[place]);
  }
  uint16_t TakeConfigOffset() {
    return input_->ConsumeIntegralInRange(0, 7) == 0
               ? input_->ConsumeIntegralInRange<uint16_t>(0, 0x1010)
               : input_->ConsumeIntegralInRange<uint16_t>(0, 0xe0);
  }
  uint64_t TakeValue() {
    switch (input_->ConsumeIntegralInRange(0, 5)) {
      case 0:
        return 1;
      case 1:
        return input_->ConsumeIntegralInRange<uint64_t>(0, 16);
      case 2:
        return kBase + 16 * input_->ConsumeIntegralInRange<uint64_t>(0, 0x1300);
      case 3:
        return uint64_t{1} << input_->ConsumeIntegralInRange(0, 63);
      case 4:
        return ~uint64_t{0};
      default:
        return input_->ConsumeIntegral<uint64_t>();
    }
  }

  void CheckConfig(uint16_t offset, Width width) {
    if (offset == test::ConfigModel::kWindowData) {
      if (const auto shown = config_->Window()) {
        const uint32_t value = function_->ReadConfig(offset, Width::k4);
        CheckValue(shown->offset, shown->width, value);
        return config_->SetWindowData(value);
      }
    }
    const uint32_t value = function_->ReadConfig(offset, width);
    uint32_t expected = config_->Read(offset, width);
    // Whether an interrupt of the pin waits.
    if (offset <= 6 && offset + static_cast<unsigned>(width) > 6) {
      const uint32_t waits = 8u << (8 * (6 - offset));
      expected = (expected & ~waits) | (value & waits);
    }
    test::Check(value == expected, "configuration space reads as it should");
  }
  void Configure(uint16_t offset, Width width, uint64_t any) {
    const auto value = static_cast<uint32_t>(any & vmm::AllOnes(width));
    const auto changes = function_->WriteConfig(offset, width, value);
    if (const auto wait = function_->Waiting()) wait();
    for (const auto& change : changes) {
      test::Check(function_->ApplyBar(change, {nullptr, &bus_, nullptr}).has_value(),
                  "a BAR goes where it should");
      bar_ = change.active ? std::optional(change.range) : std::nullopt;
    }
    config_->Write(offset, width, value);
    test::Check(bar_ == config_->Bar(), "the BAR is where its registers say");
    msix_.SetControl(static_cast<uint16_t>(config_->Read(0x9a, Width::k2)));
    if (offset != test::ConfigModel::kWindowData) return;
    if (const auto shown = config_->Window()) {
      const Width both = std::min(width, shown->width);
      Follow(shown->offset, both, value & vmm::AllOnes(both));
    }
  }
  void SetWindow() {
    const uint64_t length = input_->PickValueInArray<uint64_t>({1, 2, 4, 4, 3, 8});
    Configure(test::ConfigModel::kWindow + 4, Width::k1, 0);
    Configure(test::ConfigModel::kWindow + 8, Width::k4, TakeOffset() & ~(length - 1));
    Configure(test::ConfigModel::kWindow + 12, Width::k4, length);
    if (input_->ConsumeBool()) {
      Configure(test::ConfigModel::kWindowData, test::TakeConfigWidth(*input_), TakeValue());
    }
    CheckConfig(test::ConfigModel::kWindowData, Width::k4);
  }

  void CheckBar(uint64_t offset, Width width) {
    const bool far = offset + static_cast<unsigned>(width) > kBarBytes || !bar_;
    const bool direct = far || input_->ConsumeBool();
    CheckValue(offset, width,
               direct ? function_->ReadBar(offset, width) : bus_.Read(bar_->base + offset, width));
  }
  // Of a read at this place, just now.
  void CheckValue(uint64_t offset, Width width, uint64_t value) {
    test::Check(value <= vmm::AllOnes(width), "a value fits its width");
    const uint64_t at = offset % kPlaceBytes;
    switch (offset - at) {
      case kCommonPlace: {
        // The device itself asks for a reset at any time.
        const uint64_t asks = at <= 20 && at + 8 > 20 ? uint64_t{0x40} << (8 * (20 - at)) : 0;
        const uint64_t expected = common_->Read(at, width);
        return test::Check((value & ~asks) == (expected & ~asks), "registers read as they should");
      }
      case kIsrPlace:
        return test::Check((value & ~uint64_t{3}) == 0 && (common_->driver_ok() || value == 0),
                           "no interrupt before DRIVER_OK");
      case kConfigPlace:
        common_->ReadConfig();
        return test::Check(value == DeviceConfig(at, width), "the device's own reads as it should");
      case kTablePlace:
        return test::Check(value == msix_.ReadTable(at, width), "the table reads as written");
      case kPendingPlace:
        return;
      default:
        test::Check(value == 0, "where nothing is, zero is read");
    }
  }
  uint64_t DeviceConfig(uint64_t at, Width width) const {
    uint64_t value = 0;
    for (unsigned i = 0; i < static_cast<unsigned>(width) && at + i < device_config_.size(); ++i) {
      value |= std::to_integer<uint64_t>(device_config_[at + i]) << (8 * i);
    }
    return value;
  }

  void Write(uint64_t offset, Width width, uint64_t any) {
    const uint64_t value = any & vmm::AllOnes(width);
    const bool far = offset + static_cast<unsigned>(width) > kBarBytes || !bar_;
    if (far || input_->ConsumeBool()) {
      function_->WriteBar(offset, width, value);
    } else {
      bus_.Write(bar_->base + offset, width, value);
    }
    Follow(offset, width, value);
  }
  // What a write that was made means for the models.
  void Follow(uint64_t offset, Width width, uint64_t value) {
    const uint64_t at = offset % kPlaceBytes;
    const uint64_t place = offset - at;
    if (place == kTablePlace) msix_.WriteTable(at, width, value);
    if (place == kConfigPlace && at >= 2 && at + static_cast<unsigned>(width) <= 4) {
      for (uint64_t i = at; i < at + static_cast<unsigned>(width); ++i) {
        const uint8_t mask = i == 2 ? 0xff : 0x0f;
        device_config_[i] = static_cast<std::byte>(value >> (8 * (i - at)) & mask);
      }
    }
    if (place != kCommonPlace) return;
    using Kind = RegisterEffect::Kind;
    const RegisterEffect effect = common_->Write(at, width, value);
    if (effect.kind == Kind::kReset) {
      Wait([this] { return function_->quiet(); });
      common_->Reset();
      for (const size_t byte : {2u, 3u}) device_config_[byte] = mirror_->model().config[byte];
      test::Check(function_->ReadBar(20, Width::k1) == 0, "a reset clears the status");
      test::Check(function_->ReadBar(kIsrPlace, Width::k1) == 0, "and the interrupt");
      CheckValue(kConfigPlace, Width::k8, function_->ReadBar(kConfigPlace, Width::k8));
    } else if (effect.kind == Kind::kQueueReset) {
      Wait([this] { return function_->ReadBar(58, Width::k2) == 0; });
      common_->FinishQueueReset(effect.queue);
    }
  }
  template <class Condition>
  static void Wait(const Condition& condition) {
    while (!condition()) Io().Settle();
  }

  // The device's own configuration becomes another one, but for what is the driver's.
  void Change() {
    std::vector<std::byte> bytes = mirror_->model().config;
    bytes[0] = bytes[3] = input_->PickValueInArray({std::byte{0x11}, std::byte{0x77}});
    Io().loop().Post([&] { mirror_->Change(bytes); });
    Io().Settle();
    std::copy_n(device_config_.begin() + 2, 2, bytes.begin() + 2);
    if (bytes != device_config_) common_->ChangeConfig();
    device_config_ = bytes;
  }

  uint16_t TakeQueue() { return input_->ConsumeBool() ? 1 : 0; }
  void ResetQueue() {
    Write(22, Width::k2, TakeQueue());
    Write(58, Width::k2, 1);
  }
  // As a driver does it, in whatever state the device is.
  void Start(uint16_t queue, uint8_t status) {
    const RingFeatures rings{input_->ConsumeBool(), input_->ConsumeBool(), input_->ConsumeBool()};
    const uint64_t features = uint64_t{rings.packed} << 34 | uint64_t{rings.indirect} << 28 |
                              uint64_t{rings.event_idx} << 29 | feature::kVersion1 |
                              feature::kRingReset;
    for (const uint64_t word : {0u, 1u}) {
      Write(8, Width::k4, word);
      Write(12, Width::k4, features >> (32 * word) & 0xffffffff);
    }
    driver_.emplace(bytes_, kBase, uint16_t{8}, rings);
    const QueueSetup setup = driver_->setup();
    Write(22, Width::k2, queue);
    Write(24, Width::k2, setup.size);
    Write(26, Width::k2, 1);
    Write(32, Width::k8, setup.descriptors);
    Write(40, Width::k8, setup.driver);
    Write(48, Width::k8, setup.device);
    Write(28, Width::k2, 1);
    Write(20, Width::k1, status);
  }
  enum class Paused : uint8_t { kNever, kBefore, kAfter };  // its start
  void CheckItWorks() {
    const uint16_t queue = TakeQueue();
    const auto paused = input_->PickValueInArray({Paused::kNever, Paused::kBefore, Paused::kAfter});
    Configure(4, Width::k2, paused == Paused::kBefore ? 2 : 6);
    Write(20, Width::k1, 0);
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    Start(queue, 15);
    if (paused == Paused::kAfter) Configure(4, Width::k2, 2);
    driver_->Store<uint32_t>(kData, 0x12345678);
    test::Check(driver_->Add({{kData, 4, false}, {kData + 64, 4, true}}, 1, true), "there is room");
    Write(kNotifyPlace + kNotifyMultiplier * queue, Width::k2, queue);
    if (paused != Paused::kNever) {
      Io().Settle();
      test::Check(!driver_->Reap(), "no ring is touched without bus mastering");
      Configure(4, Width::k2, 6);
    }
    std::optional<test::VirtioDriver::Done> done;
    Wait([&] { return (done = driver_->Reap()).has_value(); });
    test::Check(done->token == 1 && done->written == 4, "a request comes back");
    test::Check(driver_->Load<uint32_t>(kData + 64) == 0x12345678, "and is what it was");
    Io().Settle();
    test::Check(function_->ReadBar(kIsrPlace, Width::k1) != 0, "its interrupt is told");
    test::Check(function_->ReadBar(kIsrPlace, Width::k1) == 0, "once");
  }

  test::Input* input_;
  test::RamBlock bytes_{kRamBytes};
  GuestRam ram_{{{kBase, bytes_}}};
  test::FakeRouter router_;
  vmm::Bus bus_;
  test::MirrorDevice* mirror_ = nullptr;
  std::shared_ptr<VirtioPci> function_;
  std::optional<test::VirtioDriver> driver_;
  std::optional<base::Range> bar_;
  std::optional<test::ConfigModel> config_;
  std::optional<test::CommonModel> common_;
  std::vector<std::byte> device_config_;
  vmm::pci::Msix msix_{3};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return test::PlayGame<Game>(data, size);
}
