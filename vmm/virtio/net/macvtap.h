// A macvtap in bridge mode: an interface of our own over one of the host's, with an address of its
// own, whose frames come and go by a device file (drivers/net/macvlan.c, macvtap.c, tap.c).
//
// The kernel does not remove it with its maker. So that one that a killed machine has left can be
// told from one in use, its name is claimed: `vmmtapN` belongs to whoever is bound to the abstract
// Unix socket "vmm/vmmtapN", whose names are the network namespace's as those of interfaces are,
// and end with the process (unix(7)). The next run that may need the
// interface below removes those that nobody claims.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vmm/virtio/net/options.h"

namespace vmm::virtio {

// Move-only; removes the interface, by a socket that is open since it was made.
class Macvtap {
 public:
  // Up. Without a MAC: by chance. kDenied without CAP_NET_ADMIN, kInUse when something else has the
  // lower interface, kUnsupported without the kernel's module; with the cure.
  static base::Result<Macvtap> Create(const std::string& lower, const std::optional<Mac>& mac);
  Macvtap(Macvtap&& other) noexcept;
  Macvtap& operator=(Macvtap&& other) noexcept;
  Macvtap(const Macvtap&) = delete;
  Macvtap& operator=(const Macvtap&) = delete;
  ~Macvtap();

  const std::string& name() const;
  const Mac& mac() const;
  // One more queue of it: /dev/tapN, or, where no udev or devtmpfs has made that, the device by its
  // number. Does not wait.
  base::Result<base::Fd> OpenNode() const;

 private:
  struct Made;
  explicit Macvtap(std::unique_ptr<Made> made);
  std::unique_ptr<Made> made_;
};

// Those that killed machines have left in this network namespace, by name. Needs no rights.
std::vector<std::string> LeftMacvtaps(const sysfs::Tree& tree);
// Removes them, before a card is looked at: with one over it, it would count as in use. What cannot
// be removed is told and stays.
void RemoveLeftMacvtaps(const sysfs::Tree& tree);

}  // namespace vmm::virtio
