// A virtio disk between a driver's requests, right ones and wrong ones, and storage that fails in
// every way and ends in any order: each request comes back once, with what the model has for it.
#include "tests/fuzz/blk_model.h"
#include "tests/fuzz/blk_request_input.h"

namespace {

using namespace vmm::virtio;
using test::FuzzedDisk;

class Game {
 public:
  explicit Game(test::Input& input) : input_(&input), disk_(input), model_(disk_) {}

  void Play() {
    Start();
    while (input_->remaining_bytes() > 0) Step();
    Drain();
    End();
  }

 private:
  void Step() {
    switch (input_->ConsumeIntegralInRange(0, 13)) {
      case 0:
        Choose(input_->ConsumeBool());
        break;
      case 1:
        disk_.queue().TurnPause();
        break;
      case 2:
        disk_.blk().Retry();
        break;
      case 3:
        if (input_->ConsumeIntegralInRange(0, 3) == 0) {
          End();
          Start();
        }
        break;
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        Add();
        break;
      default:
        disk_.EndSome();
    }
    disk_.queue().RunLoop();
    Reap();
  }

  void Start() {
    // As a reset leaves it.
    Choose(true);
    const uint64_t features = disk_.Start();
    chooses_ = (features & blk_feature::kConfigWce) != 0;
    syncs_ = disk_.options().image.cache == CacheMode::kWritethrough ||
             ((features & blk_feature::kFlush) == 0 && !disk_.unsafe());
  }
  void End() {
    model_.BeginEnd();
    disk_.End();
    model_.FinishEnd();
  }

  void Add() {
    size_t slot = 0;
    while (slot < test::kBlkSlots && model_.HasSlot(slot)) ++slot;
    if (slot == test::kBlkSlots) return;
    model_.CheckSlot(slot);
    const auto mark = static_cast<uint8_t>(7 * ++token_);
    auto request = test::BlkRequestMaker(*input_, slot).Make(FuzzedDisk::kSectors + 1, mark);
    Judge(request, {FuzzedDisk::kSectors, disk_.options().image.readonly}, disk_.queue());
    if (model_.Conflicts(request)) Drain();
    Store(request, disk_.queue());
    model_.Keep(slot);
    if (!disk_.queue().driver().Add(request.pieces, token_, input_->ConsumeBool())) return;
    model_.Add(request, token_, slot, syncs_ || (chooses_ && !writeback_));
    disk_.queue().worker().Go();
    Reap();
  }
  void Reap() {
    while (const auto done = disk_.queue().driver().Reap()) {
      test::Check(!disk_.queue().paused(), "a queue that is paused shows nothing");
      model_.CheckDone(*done);
    }
  }
  void Drain() {
    if (disk_.queue().paused()) disk_.queue().TurnPause();
    for (unsigned i = 0; i < 1000 && !model_.idle(); ++i) {
      disk_.blk().Retry();
      if (disk_.storage().waiting() > 0) disk_.EndOne();
      disk_.queue().RunLoop();
      Reap();
    }
    test::Check(model_.idle() && disk_.storage().waiting() == 0, "a request comes back");
  }

  // What the driver writes into the configuration, where it may.
  void Choose(bool writeback) {
    if (disk_.blk().model().writable.empty()) return;
    disk_.blk().SetConfigByte(kWritebackAt, writeback ? 1 : 0);
    if (std::exchange(writeback_, writeback) != writeback) model_.DoubtThrough();
  }

  test::Input* input_;
  FuzzedDisk disk_;
  test::BlkModel model_;
  bool syncs_ = false;  // each write, whatever the driver chooses
  bool chooses_ = false;
  bool writeback_ = true;
  uint64_t token_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return test::PlayGame<Game>(data, size);
}
