// Attributes whose reading waits for the device's lock, read so that the program never hangs.
//
// A driver that is stuck in its probe or remove function keeps the lock, and then a read of
// `driver_override` or `sriov_numvfs` sleeps uninterruptibly (drivers/pci/pci-sysfs.c,
// drivers/pci/iov.c). A thread in that state would keep the whole process from ending, so a child
// process reads, and who waits for it gives up. One child serves all devices as long as none is
// stuck; a stuck one is left behind, and ends by itself when the lock is free.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <span>
#include <string>

#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

struct Patience {
  // For all devices together that turn out to be stuck; the first one gets a quarter of it.
  std::chrono::milliseconds total{4000};
};

// What Detail::kFull adds to kUnlocked, without a guard. An attribute that is not there is unset;
// one that cannot be read is an error that names it, and the device says nothing of either.
base::Status ReadBehindLock(const Tree& tree, PciDevice& device);

// Why attributes cannot be read, of devices whose lock nobody holds.
using LockErrors = std::map<PciAddress, std::string>;

// Made for a program of one thread (fork). The tree is that of the running host or in memory: a
// recorded host has no locks, ReadLocked does there.
class GuardedReader {
 public:
  // Adds what Detail::kFull has over kUnlocked; a device that does not answer is marked `busy`, and
  // so is one whose attributes cannot be read. One whose last reader is still stuck is not asked
  // again, so that a long watch leaves one process.
  LockErrors Read(const Tree& tree, std::span<PciDevice> devices, Patience patience = {});

 private:
  bool IsStuck(const PciAddress& address);

  std::map<PciAddress, pid_t> stuck_;  // children that were left behind
};

// For a single look.
LockErrors ReadGuarded(const Tree& tree, std::span<PciDevice> devices, Patience patience = {});

}  // namespace sysfs
