// When a machine's gathered interrupt routes are settled, and who carries interrupts until then
// (kvm::Vm::GatherRoutes): a thread of its own, so that no work of the monitor holds them up. It
// begins with the first route that waits.
//
// Threads: the main loop's alone. Dies before the Vm.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "sysfs/base/log.h"
#include "sysfs/base/result.h"
#include "vmm/event_loop.h"
#include "vmm/kvm/vm.h"
#include "vmm/thread.h"

namespace vmm {

class RouteGathering : public std::enable_shared_from_this<RouteGathering> {
 public:
  // Long enough for a driver that asks for its vectors one after the other, and gives each its
  // processor afterwards.
  static constexpr std::chrono::milliseconds kTime{250};

  // What cannot be had for it is a warning: each route is committed at once then.
  static std::shared_ptr<RouteGathering> Begin(EventLoop& loop, kvm::Vm& vm);
  class Key;
  RouteGathering(Key key, EventLoop& loop, kvm::Vm& vm);  // for Begin alone
  RouteGathering(const RouteGathering&) = delete;
  RouteGathering& operator=(const RouteGathering&) = delete;
  ~RouteGathering();

 private:
  void OnFirst();
  void Start();
  base::Status StartThread();
  void GiveUp(const base::Error& why);
  void Settle();

  EventLoop& loop_;
  kvm::Vm& vm_;
  base::Limited log_;
  std::unique_ptr<EventLoop> own_;  // the thread's, and what it waits for
  std::unique_ptr<Timer> timer_;
  Watch watch_;
  Thread thread_;
  std::atomic<bool> started_{false};
};

}  // namespace vmm
