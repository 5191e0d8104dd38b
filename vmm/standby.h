// An assigned network device and the virtio one that stands by for it, as a value (virtio 1.2,
// 5.1.3.1; Documentation/networking/net_failover.rst).
//
// The guest's driver joins both under one interface: it sends by the assigned device, the primary,
// and drops what comes to the other one as long as the primary is there. So the primary is hidden
// until the driver says that it knows of standby, is out again before another kernel starts, and
// the standby's link is down while the guest uses the primary, so that the host's bridge sends
// nothing to where it is dropped. A virtual function has the pair's address only while it is
// plugged: a filter for it would take all frames to a queue that nobody reads (igb).
//
// Events come in; what to do comes out, and what is to be meanwhile can be asked. Pure.
#pragma once

#include <cstdint>

namespace vmm {

class Standby {
 public:
  enum class Action : uint8_t { kNone, kPlug, kTakeOut };
  enum class Primary : uint8_t {
    kAbsent,   // until somebody adds it
    kHidden,   // until the driver asks for it
    kPlugged,  // is there, or about to be: after kPlug, Plugged or PlugFailed follows
    kLeaving,  // the guest was asked
    kClosing,  // out of the guest, not yet given back to the host
  };

  // Whether the device is there from the start.
  explicit Standby(bool present) : primary_(present ? Primary::kHidden : Primary::kAbsent) {}

  // The guest's driver has set the standby up, and does or does not know what it is.
  Action DriverCame(bool knows);
  // The guest begins or ends to use the primary.
  void Mastering(bool on);
  // The machine is about to start anew.
  Action MachineReset();
  // Somebody wants it in the guest: kNone, and it is hidden until the driver asks.
  Action Wanted();
  void PlugFailed();
  // The guest is asked for it.
  void Asked();
  // It keeps it.
  void Kept();
  // It is out, whoever took it.
  void Out();
  // And closed: the standby is alone now.
  Action Closed();

  Primary primary() const { return primary_; }
  bool link_up() const { return primary_ != Primary::kPlugged || !mastering_; }
  // Whether the primary is to have the pair's address.
  bool address() const { return primary_ >= Primary::kPlugged; }

 private:
  Action Plug();

  Primary primary_;
  bool knows_ = false;
  bool mastering_ = false;
  bool again_ = false;  // hidden when it is closed
};

}  // namespace vmm
