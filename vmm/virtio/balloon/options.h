// What a machine's balloon is to be: `--balloon` in values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace vmm::virtio {

struct BalloonOptions {
  bool reporting = false;  // free page reporting, which no assigned device goes with
  // The guest takes pages back when it runs out of them. Nothing: only without assigned devices,
  // beside which each page costs the mapping of a block in the middle of that.
  std::optional<bool> deflate_on_oom;
  std::chrono::seconds statistics{0};  // asked for so often; 0: when somebody asks for them
  std::optional<uint64_t> size;        // bytes of RAM that the guest is to have; nothing: all
};

}  // namespace vmm::virtio
