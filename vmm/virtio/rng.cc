#include "vmm/virtio/rng.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include "vmm/virtio/worker.h"

namespace vmm::virtio {

Rng::Rng() {
  model_.kind = kRngKind;
  model_.queue_sizes = {64};
}

void Rng::Handle(Worker& worker, const Chain& chain) {
  std::array<std::byte, 1024> bytes;
  const auto wanted = std::min<uint64_t>(TotalSize(chain.writable), kMostBytes);
  uint64_t written = 0;
  while (written < wanted) {
    const size_t now = std::min<uint64_t>(bytes.size(), wanted - written);
    const ssize_t got = ::getrandom(bytes.data(), now, 0);
    if (got <= 0) break;
    const auto some = std::span(bytes).first(static_cast<size_t>(got));
    if (!CopyTo(worker.ram(), chain.writable, written, some)) break;
    written += some.size();
  }
  worker.Finish(chain, static_cast<uint32_t>(written));
}

}  // namespace vmm::virtio
