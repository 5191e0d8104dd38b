// Requests of random bytes into buffers of any kind: they fill as much as they say, and nothing
// else is touched.
#include <cstring>

#include "tests/fuzz/input.h"
#include "tests/fuzz/one_queue.h"
#include "vmm/virtio/rng.h"

namespace {

using test::OneQueue;
using test::VirtioDriver;
using Pieces = std::vector<VirtioDriver::Piece>;

constexpr std::byte kUntouched{0xa5};

VirtioDriver::Piece TakePiece(test::Input& input) {
  VirtioDriver::Piece piece{OneQueue::kData, 0, input.ConsumeIntegralInRange(0, 3) != 0};
  switch (input.ConsumeIntegralInRange(0, 7)) {
    case 0:
      piece.address = OneQueue::kEnd + input.ConsumeIntegral<uint64_t>() / 2;
      piece.size = input.ConsumeIntegral<uint32_t>();
      break;
    case 1:
      piece.address = OneQueue::kEnd - input.ConsumeIntegralInRange<uint64_t>(0, 100);
      piece.size = input.ConsumeIntegralInRange<uint32_t>(0, 200);
      break;
    case 2:
      piece.size = input.ConsumeIntegralInRange<uint32_t>(0, OneQueue::kDataBytes);
      break;
    default:
      piece.address += input.ConsumeIntegralInRange<uint64_t>(0, 0x2000);
      piece.size = input.ConsumeIntegralInRange<uint32_t>(0, 3000);
  }
  return piece;
}

Pieces TakePieces(test::Input& input) {
  Pieces pieces;
  for (auto count = input.ConsumeIntegralInRange(1, 5); count > 0; --count) {
    pieces.push_back(TakePiece(input));
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const auto& one, const auto& other) {
    return !one.writable && other.writable;
  });
  return pieces;
}

// What a request gets: that much of it lies in RAM before anything else does.
struct Room {
  uint64_t all = 0;
  uint64_t good = 0;
};
Room RoomOf(const OneQueue& queue, const Pieces& pieces) {
  Room room;
  for (const auto& [address, size, writable] : pieces) {
    if (!writable) continue;
    uint64_t good = 0;
    if (room.good == room.all && address >= OneQueue::kBase && address < OneQueue::kEnd) {
      good = std::min<uint64_t>(size, OneQueue::kEnd - address);
    }
    test::Check(good == 0 || queue.IsRam(address, good), "the model is right");
    room.good += good;
    room.all += size;
  }
  return room;
}

void CheckFilled(OneQueue& queue, const Pieces& pieces, uint64_t written) {
  const Room room = RoomOf(queue, pieces);
  const auto wanted = std::min<uint64_t>(room.all, vmm::virtio::Rng::kMostBytes);
  test::Check(written <= std::min(room.good, wanted), "no more is given than there is room for");
  test::Check(room.good < wanted || written == wanted, "a buffer is filled");
  // So many bytes are not by chance what was there before.
  uint64_t left = written;
  for (const auto& [address, size, writable] : pieces) {
    if (!writable) continue;
    if (!queue.IsRam(address, size)) break;
    const auto here = static_cast<size_t>(std::min<uint64_t>(left, size));
    const std::byte* const first = &queue.at(address);
    test::Check(here < 32 || !std::all_of(first, first + here,
                                          [](std::byte one) { return one == kUntouched; }),
                "what is told is given");
    left -= here;
  }
  // Beside what the driver gave all is as it was.
  for (const auto& [address, size, writable] : pieces) {
    if (!writable || address < OneQueue::kData || address >= OneQueue::kEnd) continue;
    const auto here = std::min<uint64_t>(size, OneQueue::kEnd - address);
    std::fill_n(&queue.at(address), here, kUntouched);
  }
  static const std::vector<std::byte> untouched(OneQueue::kDataBytes, kUntouched);
  test::Check(std::memcmp(queue.data().data(), untouched.data(), untouched.size()) == 0,
              "nothing else is touched");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  vmm::virtio::Rng rng;
  OneQueue queue(rng);
  std::fill(queue.data().begin(), queue.data().end(), kUntouched);
  queue.Start(0, {input.ConsumeBool(), input.ConsumeBool(), input.ConsumeBool()});
  uint64_t token = 0;
  while (input.remaining_bytes() > 0) {
    const Pieces pieces = TakePieces(input);
    test::Check(queue.driver().Add(pieces, ++token, input.ConsumeBool()), "there is room");
    queue.worker().Go();
    const auto done = queue.driver().Reap();
    test::Check(done && done->token == token, "a request comes back at once");
    CheckFilled(queue, pieces, done->written);
  }
  queue.End();
  queue.Drop();
  rng.Stop();
  return 0;
}
