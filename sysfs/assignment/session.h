// Devices that are given away for as long as one process lives: `vassign with`, `vmm run
// --managed`.
//
// A file in <folder>/sessions names them before the first is taken, and a lock on it says that the
// owner lives (flock(2) ends with the process, however it ends). A session whose lock is free was
// left by a killed process: the next one that looks gives its devices back, by their records.
#pragma once

#include <string>
#include <vector>

#include "sysfs/assignment/host_lock.h"
#include "sysfs/assignment/journal.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"

namespace sysfs {

// Held while sessions of killed processes are ended, so that one run does it and not two, and by
// Begin, so that no file is seen before its owner has locked it. Waits two minutes, as drivers may
// need to take devices back, then kLocked names who has it.
base::Result<FileLock> LockSessions(const Journal& journal);

class Session {
 public:
  // Durable before it returns. `pid` names the owner in messages. Takes LockSessions for a moment.
  static base::Result<Session> Begin(const Journal& journal, int pid,
                                     const std::vector<PciAddress>& devices);
  // Removes the file: the devices are back.
  base::Status End();

 private:
  Session(std::string path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  FileLock lock_;
};

struct SessionNote {
  std::string path;
  int pid = 0;
  std::vector<PciAddress> devices;
  bool alive = false;
};

// Of this boot (the folder is in /run). A file that makes no sense is an error that names it.
base::Result<std::vector<SessionNote>> ListSessions(const Journal& journal);

// Sessions that killed processes left no longer name a device without a record (it is back, or was
// never taken) and none of `kept` (somebody has bound it to stay); a session goes with its last
// device.
base::Status TidySessions(const Journal& journal, const std::vector<PciAddress>& kept = {});

// "1234\n0000:08:00.0\n...": pid, devices, a checksum; and back, strictly.
std::string FormatSession(int pid, const std::vector<PciAddress>& devices);
base::Result<SessionNote> ParseSession(std::string_view text);

}  // namespace sysfs
