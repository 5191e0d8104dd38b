// The running machines that have a name: a file for each in a folder of their user, locked as long
// as the machine lives (flock(2) ends with the process, however it ends).
//
// <folder>/NAME.machine is the record, <folder>/NAME.sock the socket when no other was asked for.
// What a killed machine has left is removed by whoever meets it. The folder itself is locked while
// records are made, judged or removed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm::control {

// Letters, digits, '.', '_' and '-', at most 64, none of "." and "..". kUsage names it.
base::Status CheckMachineName(std::string_view name);

// /run/vassign/vmm for root, $XDG_RUNTIME_DIR/vassign/vmm for others; kUsage without that variable.
base::Result<std::string> RuntimeFolder();

// <folder>/NAME.sock
std::string SocketOf(const std::string& folder, std::string_view name);

// What others may know of a machine without asking it.
struct MachineRecord {
  std::string name;
  int pid = 0;
  std::string socket;    // absolute
  uint64_t started = 0;  // seconds of CLOCK_BOOTTIME
  unsigned cpus = 0;
  uint64_t memory_bytes = 0;
  bool operator==(const MachineRecord&) const = default;
};
std::string FormatRecord(const MachineRecord& record);
// The name is the file's. kUsage when the text makes no sense.
base::Result<MachineRecord> ParseRecord(std::string_view name, std::string_view text);

// A name that is this process's. Move-only; it is free again afterwards.
class NameClaim {
 public:
  // Makes the folder, for its user alone. kInUse names the process that has the name.
  static base::Result<NameClaim> Take(const std::string& folder, const MachineRecord& record);
  NameClaim(NameClaim&& other) noexcept = default;
  NameClaim& operator=(NameClaim&& other) = delete;
  NameClaim(const NameClaim&) = delete;
  NameClaim& operator=(const NameClaim&) = delete;
  ~NameClaim();

 private:
  NameClaim(std::string folder, std::string path, base::Fd fd)
      : folder_(std::move(folder)), path_(std::move(path)), fd_(std::move(fd)) {}
  std::string folder_;
  std::string path_;
  base::Fd fd_;
};

// What dead machines have left is removed, or left to others by those who only look.
enum class Leftovers : uint8_t { kRemove, kKeep };
// The living ones, by name. None when there is no such folder.
base::Result<std::vector<MachineRecord>> ListMachines(const std::string& folder,
                                                      Leftovers leftovers = Leftovers::kRemove);
// kNotFound lists the names that there are.
base::Result<MachineRecord> FindMachine(const std::string& folder, std::string_view name);

// Of CLOCK_BOOTTIME, which goes on while the host sleeps.
uint64_t SecondsSinceBoot();

}  // namespace vmm::control
