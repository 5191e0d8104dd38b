// The guest's side of a virtqueue, of both formats, over a plain block of bytes: what a correct
// driver does (virtio 1.2, 2.7 and 2.8), written from the specification alone.
//
// It is the model that the device's side is tested against, so it shares no code with it. The rings
// lie at kRings, tables of indirect descriptors at kTables (room for 16 in each), below kDriverEnd.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "vmm/virtio/queue/active_queue.h"

namespace test {

class VirtioDriver {
 public:
  static constexpr uint64_t kRings = 0x1000;
  static constexpr uint64_t kTables = 0x10000;
  static constexpr unsigned kMostIndirect = 16;

  struct Piece {
    uint64_t address;
    uint32_t size;
    bool writable;
  };
  struct Done {
    uint64_t token;
    uint32_t written;
  };

  // `ram` begins at guest address `base`.
  VirtioDriver(std::span<std::byte> ram, uint64_t base, uint16_t size,
               vmm::virtio::RingFeatures features)
      : ram_(ram), base_(base), size_(size), features_(features) {
    for (uint16_t i = 0; i < size; ++i) free_.push_back(static_cast<uint16_t>(size - 1 - i));
    if (features.packed) Store<uint16_t>(setup().driver + 2, 0);
  }

  vmm::virtio::QueueSetup setup() const {
    const uint64_t at = base_ + kRings;
    return {size_, at, at + 0x4000, at + 0x5000};
  }

  // Makes a request available; false when there is no room for it.
  bool Add(const std::vector<Piece>& pieces, uint64_t token, bool indirect) {
    indirect = indirect && features_.indirect && pieces.size() <= kMostIndirect;
    const size_t slots = indirect ? 1 : pieces.size();
    if (free_.size() < slots || pieces.size() > size_) return false;
    if (features_.packed) {
      AddPacked(pieces, token, indirect);
    } else {
      AddSplit(pieces, token, indirect);
    }
    return true;
  }

  // Whether the device wants to be told of what was added since the last call.
  bool Kick() {
    const auto added = static_cast<uint16_t>(std::exchange(added_, 0));
    const uint16_t now = features_.packed ? next_ : available_;
    if (features_.packed) {
      const auto flags = Load<uint16_t>(setup().device + 2);
      if (flags == 1) return false;
      if (flags == 0) return true;
      const auto place = Load<uint16_t>(setup().device);
      auto event = static_cast<uint16_t>(place & 0x7fff);
      if ((place >> 15 != 0) != wrap_) event = static_cast<uint16_t>(event - size_);
      return static_cast<uint16_t>(now - event - 1) < added;
    }
    if (!features_.event_idx) return (Load<uint16_t>(setup().device) & 1) == 0;
    const auto event = Load<uint16_t>(setup().device + 4 + 8 * size_);
    return static_cast<uint16_t>(now - event - 1) < added;
  }

  std::optional<Done> Reap() { return features_.packed ? ReapPacked() : ReapSplit(); }

  // Asks for an interrupt for what comes next; true when something has come already.
  bool Arm() {
    if (!features_.packed) {
      Store<uint16_t>(setup().driver, 0);
      if (features_.event_idx) Store<uint16_t>(setup().driver + 4 + 2 * size_, used_);
      return Load<uint16_t>(setup().device + 2) != used_;
    }
    if (features_.event_idx) {
      Store<uint16_t>(setup().driver, static_cast<uint16_t>(used_ | (used_wrap_ ? 0x8000 : 0)));
      Store<uint16_t>(setup().driver + 2, 2);
    } else {
      Store<uint16_t>(setup().driver + 2, 0);
    }
    return IsUsed();
  }
  void Disarm() {
    if (features_.packed) return Store<uint16_t>(setup().driver + 2, 1);
    if (!features_.event_idx) Store<uint16_t>(setup().driver, 1);
  }

  size_t in_flight() const { return requests_.size(); }

  template <class T>
  T Load(uint64_t address) const {
    T value;
    std::memcpy(&value, &ram_[address - base_], sizeof value);
    return value;
  }
  template <class T>
  void Store(uint64_t address, T value) {
    std::memcpy(&ram_[address - base_], &value, sizeof value);
  }

 private:
  struct Request {
    uint64_t token;
    std::vector<uint16_t> slots;  // split: descriptors; packed: as many as ring entries
  };

  void PutDescriptor(uint64_t at, const Piece& piece, uint16_t first, uint16_t second) {
    Store<uint64_t>(at, piece.address);
    Store<uint32_t>(at + 8, piece.size);
    Store<uint16_t>(at + 12, first);
    Store<uint16_t>(at + 14, second);
  }
  uint16_t TakeFree() {
    const uint16_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  uint64_t TableOf(uint16_t slot) const { return base_ + kTables + slot * kMostIndirect * 16; }

  void AddSplit(const std::vector<Piece>& pieces, uint64_t token, bool indirect) {
    Request request{token, {}};
    const size_t count = indirect ? 1 : pieces.size();
    for (size_t i = 0; i < count; ++i) request.slots.push_back(TakeFree());
    const uint16_t head = request.slots.front();
    for (size_t i = 0; i < pieces.size(); ++i) {
      const bool last = i + 1 == pieces.size();
      const auto flags = static_cast<uint16_t>((last ? 0 : 1) | (pieces[i].writable ? 2 : 0));
      const auto next = static_cast<uint16_t>(last ? 0 : indirect ? i + 1 : request.slots[i + 1]);
      const uint64_t at =
          indirect ? TableOf(head) + 16 * i : setup().descriptors + 16 * request.slots[i];
      PutDescriptor(at, pieces[i], flags, next);
    }
    if (indirect) {
      const auto bytes = static_cast<uint32_t>(16 * pieces.size());
      PutDescriptor(setup().descriptors + 16 * head, {TableOf(head), bytes, false}, 4, 0);
    }
    Store<uint16_t>(setup().driver + 4 + 2 * (available_ & (size_ - 1)), head);
    Store<uint16_t>(setup().driver + 2, ++available_);
    ++added_;
    requests_[head] = request;
  }

  // Every descriptor of a request carries its id; the first one's flags are written last.
  void AddPacked(const std::vector<Piece>& pieces, uint64_t token, bool indirect) {
    Request request{token, {}};
    const size_t count = indirect ? 1 : pieces.size();
    for (size_t i = 0; i < count; ++i) request.slots.push_back(TakeFree());
    const uint16_t id = request.slots.front();
    if (indirect) {
      for (size_t i = 0; i < pieces.size(); ++i) {
        const auto flags = static_cast<uint16_t>(pieces[i].writable ? 2 : 0);
        PutDescriptor(TableOf(id) + 16 * i, pieces[i], 0, flags);
      }
    }
    uint64_t first_at = 0;
    uint16_t first_flags = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto bytes = static_cast<uint32_t>(16 * pieces.size());
      const Piece piece = indirect ? Piece{TableOf(id), bytes, false} : pieces[i];
      auto flags = static_cast<uint16_t>((i + 1 < count ? 1 : 0) | (piece.writable ? 2 : 0) |
                                         (indirect ? 4 : 0));
      flags = static_cast<uint16_t>(flags | (wrap_ ? 1u << 7 : 1u << 15));
      const uint64_t at = setup().descriptors + 16 * next_;
      const uint16_t old_flags = Load<uint16_t>(at + 14);
      PutDescriptor(at, piece, id, i == 0 ? old_flags : flags);
      if (i == 0) first_at = at + 14;
      if (i == 0) first_flags = flags;
      if (++next_ == size_) {
        next_ = 0;
        wrap_ = !wrap_;
      }
    }
    Store<uint16_t>(first_at, first_flags);
    added_ += static_cast<unsigned>(count);
    requests_[id] = request;
  }

  std::optional<Done> Finish(uint32_t id, uint32_t written) {
    const auto found = requests_.find(id);
    if (found == requests_.end()) return Done{UINT64_MAX, written};  // no request of ours
    const Done done{found->second.token, written};
    for (const uint16_t slot : found->second.slots) free_.push_back(slot);
    if (features_.packed) {
      used_ = static_cast<uint16_t>(used_ + found->second.slots.size());
      if (used_ >= size_) {
        used_ = static_cast<uint16_t>(used_ - size_);
        used_wrap_ = !used_wrap_;
      }
    }
    requests_.erase(found);
    return done;
  }

  std::optional<Done> ReapSplit() {
    if (Load<uint16_t>(setup().device + 2) == used_) return std::nullopt;
    const uint64_t at = setup().device + 4 + 8 * (used_++ & (size_ - 1));
    return Finish(Load<uint32_t>(at), Load<uint32_t>(at + 4));
  }

  bool IsUsed() const {
    const auto flags = Load<uint16_t>(setup().descriptors + 16 * used_ + 14);
    return (flags >> 7 & 1) == (used_wrap_ ? 1 : 0) && (flags >> 15 & 1) == (used_wrap_ ? 1 : 0);
  }

  std::optional<Done> ReapPacked() {
    if (!IsUsed()) return std::nullopt;
    const uint64_t at = setup().descriptors + 16 * used_;
    const bool counts = (Load<uint16_t>(at + 14) & 2) != 0;
    return Finish(Load<uint16_t>(at + 12), counts ? Load<uint32_t>(at + 8) : 0);
  }

  std::span<std::byte> ram_;
  uint64_t base_;
  uint16_t size_;
  vmm::virtio::RingFeatures features_;
  std::vector<uint16_t> free_;
  std::map<uint32_t, Request> requests_;  // by id
  uint16_t available_ = 0;
  uint16_t next_ = 0;
  bool wrap_ = true;
  uint16_t used_ = 0;
  bool used_wrap_ = true;
  unsigned added_ = 0;
};

}  // namespace test
