#include "vmm/virtio/queue/chain.h"

#include <algorithm>

namespace vmm::virtio {
namespace {

// Calls `use(address, done, size)` for each piece of [offset, offset + size) until it is false.
template <class Piece>
bool ForEachPiece(std::span<const Buffer> buffers, uint64_t offset, uint64_t size,
                  const Piece& use) {
  uint64_t done = 0;
  for (const Buffer& buffer : buffers) {
    if (done == size) break;
    if (offset >= buffer.size) {
      offset -= buffer.size;
      continue;
    }
    const uint64_t piece = std::min(buffer.size - offset, size - done);
    if (buffer.address + offset < buffer.address) return false;
    if (!use(buffer.address + offset, done, piece)) return false;
    done += piece;
    offset = 0;
  }
  return done == size;
}

}  // namespace

void Chain::Clear() {
  readable.clear();
  writable.clear();
}

uint64_t TotalSize(std::span<const Buffer> buffers) {
  uint64_t total = 0;
  for (const Buffer& buffer : buffers) total += buffer.size;
  return total;
}

bool CopyFrom(const GuestRam& ram, std::span<const Buffer> buffers, uint64_t offset,
              std::span<std::byte> into) {
  return ForEachPiece(buffers, offset, into.size(),
                      [&](uint64_t address, uint64_t done, uint64_t size) {
                        return ram.Read(address, into.subspan(done, size));
                      });
}

bool CopyTo(const GuestRam& ram, std::span<const Buffer> buffers, uint64_t offset,
            std::span<const std::byte> from) {
  return ForEachPiece(buffers, offset, from.size(),
                      [&](uint64_t address, uint64_t done, uint64_t size) {
                        return ram.Write(address, from.subspan(done, size));
                      });
}

bool AppendIovecs(const GuestRam& ram, std::span<const Buffer> buffers, uint64_t offset,
                  uint64_t size, Use use, std::vector<iovec>& to) {
  return ForEachPiece(buffers, offset, size, [&](uint64_t address, uint64_t, uint64_t piece) {
    return ram.Append(address, piece, use, to);
  });
}

}  // namespace vmm::virtio
