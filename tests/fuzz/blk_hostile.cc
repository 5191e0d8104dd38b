// A virtio disk whose driver changes its memory while the device reads it, on storage that fails in
// every way and changes its size: everything comes back, and the storage is asked for nothing that
// it must not be asked for.
#include "tests/fuzz/blk_request_input.h"
#include "tests/fuzz/fuzzed_disk.h"

namespace {

using test::FuzzedDisk;

constexpr size_t kMostSectors = 2 * FuzzedDisk::kSectors;

class Game {
 public:
  explicit Game(test::Input& input) : input_(&input), disk_(input) {
    disk_.queue().SetReadHook([this] { Poke(); });
  }

  void Play() {
    disk_.Start();
    while (input_->remaining_bytes() > 0) Step();
    if (disk_.queue().paused()) disk_.queue().TurnPause();
    // A machine that has stopped goes on when there is room.
    disk_.SetFileBytes(kMostSectors * 512);
    for (unsigned i = 0; i < 1000 && in_flight_ > 0; ++i) {
      disk_.blk().Retry();
      if (disk_.storage().waiting() > 0) disk_.EndOne();
      // What has waited for long waits no longer.
      for (unsigned times = i < 100 ? 0 : 2; times > 0; --times) disk_.queue().TurnPause();
      disk_.queue().RunLoop();
      Reap();
    }
    test::Check(in_flight_ == 0, "a request comes back");
    disk_.End();
  }

 private:
  void Step() {
    switch (input_->ConsumeIntegralInRange(0, 11)) {
      case 0:
        disk_.queue().TurnPause();
        break;
      case 1:
        disk_.blk().Retry();
        break;
      case 2:
        Resize();
        break;
      case 3:
        disk_.blk().SetConfigByte(vmm::virtio::kWritebackAt, input_->ConsumeBool() ? 1 : 0);
        break;
      case 4:
        if (input_->ConsumeIntegralInRange(0, 3) == 0) Restart();
        break;
      case 5:
      case 6:
      case 7:
        Add();
        break;
      default:
        disk_.EndSome();
    }
    disk_.queue().RunLoop();
    Reap();
  }

  void Add() {
    const auto slot = input_->ConsumeIntegralInRange<size_t>(0, test::kBlkSlots - 1);
    const auto request = test::BlkRequestMaker(*input_, slot).Make(kMostSectors, 1);
    Store(request, disk_.queue());
    if (!disk_.queue().driver().Add(request.pieces, ++token_, input_->ConsumeBool())) return;
    ++in_flight_;
    disk_.queue().worker().Go();
  }
  void Reap() {
    while (const auto done = disk_.queue().driver().Reap()) {
      test::Check(!disk_.queue().paused(), "a queue that is paused shows nothing");
      test::Check(done->token <= token_, "what comes back was there");
      --in_flight_;
    }
  }

  void Restart() {
    disk_.End();
    disk_.Start();
    in_flight_ = 0;
  }
  void Resize() {
    const auto bytes = input_->ConsumeIntegralInRange<size_t>(0, kMostSectors) * 512;
    // Whole sectors where a part of one cannot be asked for.
    const size_t odd = disk_.direct() ? 0 : bytes / 1024;
    if (input_->ConsumeBool()) return disk_.SetFileBytes(bytes + odd);
    static_cast<void>(disk_.blk().Resize(bytes));
    disk_.SetFileBytes(disk_.FileBytes());
  }
  void Poke() {
    if (input_->ConsumeIntegral<uint8_t>() >= 8) return;
    const std::span<std::byte> data = disk_.queue().data();
    data[input_->ConsumeIntegralInRange<size_t>(0, data.size() - 1)] =
        static_cast<std::byte>(input_->ConsumeIntegral<uint8_t>());
  }

  test::Input* input_;
  FuzzedDisk disk_;
  uint64_t token_ = 0;
  unsigned in_flight_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return test::PlayGame<Game>(data, size);
}
