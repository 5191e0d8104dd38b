// Requests to a virtio disk out of an input, with places in the guest's memory.
#pragma once

#include <cstring>
#include <limits>

#include "tests/fuzz/blk_request_model.h"
#include "tests/fuzz/input.h"

namespace test {

class BlkRequestMaker {
 public:
  BlkRequestMaker(Input& input, size_t slot)
      : input_(&input),
        at_(BlkSlotAt(slot) + input.ConsumeIntegralInRange<uint64_t>(0, 20)),
        end_(BlkSlotAt(slot + 1)),
        aligned_(input.ConsumeBool()) {}

  // `most` sectors are on the disk, more or less.
  ModelRequest Make(uint64_t most, uint8_t mark) {
    const auto type = input_->PickValueInArray<uint32_t>({0, 0, 1, 1, 4, 8, 11, 13, 2, 0x80000000});
    const bool far = input_->ConsumeIntegralInRange(0, 15) == 0;
    Put<uint32_t>(far ? input_->ConsumeIntegral<uint32_t>() : type);
    Put<uint32_t>(0);
    Put<uint64_t>(TakeSector(most));
    const auto sectors = input_->ConsumeIntegralInRange<size_t>(0, 6);
    size_t room = 1;
    if (type == 0) room += 512 * sectors;
    if (type == 1) PutMarks(512 * sectors, mark);
    if (type == 8) room += 20;
    if (type == 11 || type == 13) PutRanges(most);
    if (Rarely()) room = TakeSize(1100);
    if (Rarely()) request_.sent.resize(TakeSize(request_.sent.size() + 20));
    left_ = request_.sent.size() + room;
    Lay(request_.sent.size(), false, 5);
    Lay(room, true, 12);
    if (request_.pieces.empty()) request_.pieces.push_back({at_, 0, false});
    if (Rarely()) Misplace();
    List();
    return std::move(request_);
  }

 private:
  // At a border, or any.
  size_t TakeSize(size_t most) {
    const auto any = input_->ConsumeIntegralInRange<size_t>(0, most);
    return input_->PickValueInArray<size_t>({any, 0, 1, 15, 16, 20, 21, 32, 512, 528});
  }
  bool Rarely() { return input_->ConsumeIntegralInRange(0, 15) == 0; }
  template <class T>
  void Put(T value) {
    std::byte bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    request_.sent.insert(request_.sent.end(), bytes, bytes + sizeof value);
  }
  void PutMarks(size_t size, uint8_t mark) {
    for (size_t i = 0; i < size; ++i) request_.sent.push_back(static_cast<std::byte>(mark + i / 8));
  }
  uint64_t TakeSector(uint64_t most) {
    return Rarely() ? input_->ConsumeIntegral<uint64_t>()
                    : input_->ConsumeIntegralInRange<uint64_t>(0, most);
  }
  void PutRanges(uint64_t most) {
    const auto count = Rarely() ? 17 : input_->ConsumeIntegralInRange(1, 3);
    for (int i = 0; i < count; ++i) {
      Put<uint64_t>(TakeSector(most));
      Put<uint32_t>(Rarely() ? input_->ConsumeIntegral<uint32_t>()
                             : input_->ConsumeIntegralInRange<uint32_t>(0, 4));
      Put<uint32_t>(input_->PickValueInArray<uint32_t>({0, 0, 0, 1, 1, 2}));
    }
  }

  // In pieces, until there are so many.
  void Lay(size_t size, bool writable, size_t most) {
    while (size > 0) {
      const size_t some = input_->PickValueInArray<size_t>(
          {size, 512, 16, 1, input_->ConsumeIntegralInRange<size_t>(1, 600)});
      const size_t part = request_.pieces.size() + 1 >= most ? size : std::min(size, some);
      const uint64_t place = aligned_ ? base::AlignUp(at_, 512) : at_ + some % 3;
      if (place + left_ <= end_) at_ = place;
      request_.pieces.push_back({at_, static_cast<uint32_t>(part), writable});
      at_ += part;
      left_ -= part;
      size -= part;
    }
  }
  // One piece lies where no RAM is, or not all of it.
  void Misplace() {
    auto& piece =
        request_.pieces[input_->ConsumeIntegralInRange<size_t>(0, request_.pieces.size() - 1)];
    const auto some = input_->ConsumeIntegralInRange<uint64_t>(0, 100);
    piece.address = input_->PickValueInArray<uint64_t>(
        {OneQueue::kEnd - some, OneQueue::kEnd + input_->ConsumeIntegral<uint64_t>() / 2,
         std::numeric_limits<uint64_t>::max() - some});
  }
  void List() {
    for (const auto& [address, size, writable] : request_.pieces) {
      auto& run = writable ? request_.writable : request_.readable;
      for (uint64_t i = 0; i < size; ++i) run.push_back(address + i);
    }
  }

  Input* input_;
  uint64_t at_;
  const uint64_t end_;
  uint64_t left_ = 0;  // bytes without a place
  const bool aligned_;
  ModelRequest request_;
};

}  // namespace test
