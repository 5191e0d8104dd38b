// Frames over a Unix stream socket: four bytes of length, big-endian, then the frame, without any
// virtio header. QEMU's `-netdev stream` and passt speak it (qemu-options, passt(1)); two machines
// of ours do.
//
// A peer that sends no frame but something else is let go. One that goes away is a link that is
// down; who listens waits for the next one.
#pragma once

#include <memory>
#include <vector>

#include "sysfs/base/log.h"
#include "vmm/virtio/net/port.h"

namespace vmm::virtio {

class StreamPort final : public NetPort {
 public:
  // Connects, or listens. kNotFound, kDenied and kUsage name the path and the cure; kInUse when
  // somebody listens there already.
  static base::Result<std::unique_ptr<StreamPort>> Create(const SocketLink& link);
  // Over a connected, non-blocking stream.
  static base::Result<std::unique_ptr<StreamPort>> Adopt(base::Fd peer, std::string name);
  class Key;
  StreamPort(Key key, std::string name);  // for the two above alone
  ~StreamPort() override;

  bool connected() const override { return peer_.valid(); }
  const base::Fd* readable() const override;
  const base::Fd* writable() const override { return peer_.valid() ? &writer_ : nullptr; }
  Sent Send(const NetHeader& header, std::span<const iovec> frame) override;
  Sent Flush() override;
  Received Receive(NetFrame& frame) override;

 private:
  base::Status SetPeer(base::Fd peer);
  Received AcceptPeer();
  bool TakeFrame(NetFrame& frame);
  bool Fill(bool& gone);
  void LosePeer(std::string_view why);

  const std::string name_;  // the path
  base::Fd listener_;
  base::Limited log_;  // what its peer can cause
  base::Fd peer_;
  base::Fd writer_;  // the same
  std::vector<std::byte> input_;
  size_t first_ = 0;  // of the bytes that are no frame yet
  size_t end_ = 0;
  std::vector<std::byte> kept_;  // of a frame that has gone in part
  size_t gone_ = 0;              // so much of it
};

}  // namespace vmm::virtio
