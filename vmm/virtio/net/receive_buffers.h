// The guest's buffers that one frame is put into: one, or as many as it takes when the driver
// merges them (VIRTIO_NET_F_MRG_RXBUF; virtio 1.2, 5.1.6.4). The guest sees all of them together.
//
// On the I/O thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vmm/virtio/net/port.h"
#include "vmm/virtio/worker.h"

namespace vmm::virtio {

enum class Laid : uint8_t {
  kWhole,
  kMore,   // the buffer is kept, the frame goes on in the next one
  kUnfit,  // no place for it: its buffers are given back empty
};

class ReceiveBuffers {
 public:
  // The same frame after kMore, another one after the others.
  Laid Put(Worker& worker, const Chain& chain, const NetFrame& frame, bool merges);
  // What is kept goes back empty; the frame begins again.
  void GiveBack(Worker& worker);

 private:
  struct Filled {
    Chain chain;
    uint32_t written;
  };
  // Gives them back, with what they hold or, if it does not fit, empty; the next frame begins.
  Laid End(Worker& worker, bool fits);

  std::vector<Filled> filled_;
  size_t laid_ = 0;  // bytes of the frame that are in them
};

}  // namespace vmm::virtio
