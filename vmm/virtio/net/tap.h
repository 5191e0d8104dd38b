// A tap: an interface of the host's network whose other end is the guest (Documentation/networking/
// tuntap.rst, include/uapi/linux/if_tun.h).
//
// Frames come and go with the virtio header in front, so that checksums and segmentation are left
// to who can do them. An interface that is down, or a frame that the kernel does not take, loses
// the frame and nothing else.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sysfs/base/kernel.h"
#include "vmm/virtio/net/port.h"

namespace vmm::virtio {

class TapPort final : public NetPort {
 public:
  // `fd` gives one frame for each read and takes one with each write, header included, without
  // waiting.
  static base::Result<std::unique_ptr<TapPort>> Adopt(base::Kernel& kernel, base::Fd fd,
                                                      std::string name, bool several);
  class Key;
  TapPort(Key key, base::Kernel& kernel, base::Fd fd, base::Fd writer, std::string name,
          bool several);

  const std::string& name() const { return name_; }  // the interface's
  const base::Fd& fd() const { return fd_; }

  bool connected() const override { return !gone_; }
  const base::Fd* readable() const override { return gone_ ? nullptr : &fd_; }
  const base::Fd* writable() const override { return gone_ ? nullptr : &writer_; }
  Sent Send(const NetHeader& header, std::span<const iovec> frame) override;
  Sent Flush() override;
  Received Receive(NetFrame& frame) override;
  base::Status SetOffloads(uint64_t offloads) override;
  base::Status SetActive(bool active) override;
  base::Status SetCarrier(bool up) override;

 private:
  Sent Judge(int err);
  void Lose();

  base::Kernel* kernel_;
  const base::Fd fd_;
  const base::Fd writer_;  // the same
  const std::string name_;
  const bool several_;  // one of several queues
  bool active_ = true;
  bool gone_ = false;
  std::vector<std::byte> input_;
  std::vector<std::byte> kept_;
  std::vector<iovec> request_;  // of one Send
};

// All queues of a tap; more than one means that it has several. kNotFound, kDenied, kInUse, kUnfit
// and kUnsupported name the interface or file and the cure.
base::Result<std::vector<std::unique_ptr<TapPort>>> OpenTap(base::Kernel& kernel,
                                                            const std::string& interface,
                                                            unsigned queues);

// Of a macvtap's device file, which was opened without waiting (vmm/virtio/net/macvtap.h).
base::Result<std::unique_ptr<TapPort>> OpenMacvtap(base::Kernel& kernel, base::Fd fd,
                                                   std::string name);

}  // namespace vmm::virtio
