// Events of message-signalled interrupts that KVM does not listen to yet: one descriptor is
// readable while one of them is signalled.
//
// Not thread safe: the owner locks; fd() may be waited for meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm::kvm {

class MsiRelay {
 public:
  static base::Result<MsiRelay> Create();

  const base::Fd& fd() const { return epoll_; }
  // By the event's descriptor, which stays open until Remove: where a copy of it is open elsewhere
  // its end would not end the wait. Not twice.
  base::Status Add(int event, uint32_t gsi);
  // Whether it was there. A signal that was not taken stays in the event.
  bool Remove(int event);
  // Without its signal: somebody else takes it.
  void Withdraw(int event);
  // The numbers of some that were signalled since the last call; empty when none was.
  std::vector<uint32_t> Take();
  // Event to number.
  const std::map<int, uint32_t>& waiting() const { return waiting_; }

 private:
  explicit MsiRelay(base::Fd epoll) : epoll_(std::move(epoll)) {}

  base::Fd epoll_;
  std::map<int, uint32_t> waiting_;
};

}  // namespace vmm::kvm
