// The host's end of one queue pair: where a guest's frames go to and come from.
//
// Neither call ever waits. A frame that cannot go yet is kept here, so that its guest gets its
// buffer back at once; the next one is not taken before it is gone. What goes wrong with one frame
// loses that frame, as on a wire.
//
// Everything on the I/O thread.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "vmm/virtio/net/model.h"

namespace vmm::virtio {

struct NetFrame {
  NetHeader header;
  std::span<const std::byte> bytes;  // the port's, until its next Receive
};

enum class Sent : uint8_t {
  kDone,
  kDropped,
  kKept,     // goes on with Flush, when the port is writable
  kChanged,  // the link has gone, and with it the frame
};
enum class Received : uint8_t {
  kFrame,
  kNothing,  // until it is readable
  kChanged,  // the link has come or gone: connected() and the descriptors are others
};

class NetPort {
 public:
  NetPort() = default;
  NetPort(const NetPort&) = delete;
  NetPort& operator=(const NetPort&) = delete;
  virtual ~NetPort() = default;

  virtual bool connected() const = 0;
  // To wait for what Receive gives; nullptr when nothing will come any more. Not the same as the
  // one to wait for room with.
  virtual const base::Fd* readable() const = 0;
  virtual const base::Fd* writable() const = 0;

  // Not while one is kept. The frame's bytes lie in guest memory and may change.
  virtual Sent Send(const NetHeader& header, std::span<const iovec> frame) = 0;
  virtual Sent Flush() = 0;
  virtual Received Receive(NetFrame& frame) = 0;

  // Which offloads the guest takes (net_feature::kGuestOffloads).
  virtual base::Status SetOffloads(uint64_t) { return {}; }
  // Whether the host may choose this pair for a frame.
  virtual base::Status SetActive(bool) { return {}; }
  // What the host's side sees of the guest's cable: without a carrier a bridge forgets who is
  // behind this interface.
  virtual base::Status SetCarrier(bool) { return {}; }
};

}  // namespace vmm::virtio
