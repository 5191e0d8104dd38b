// Is this host ready to give devices to guests? Facts read once, and a pure judgement of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/assignment/viability.h"
#include "sysfs/diagnosis/finding.h"
#include "sysfs/tree.h"

namespace sysfs {

enum class Presence : uint8_t { kAbsent, kAvailable, kLoaded, kBlacklisted };

struct HostFacts {
  std::string processor_flags;        // of the first processor in /proc/cpuinfo
  bool kvm_node = false;              // /dev/kvm
  std::optional<bool> kvm_access;     // may we open it; nothing on a recorded host
  std::optional<bool> nested_paging;  // what the KVM module says (ept, npt)
  IommuState iommu;
  size_t groups = 0;
  size_t identity_groups = 0;      // whose DMA passes untranslated until a guest owns them
  std::string interrupts;          // /proc/interrupts
  bool unsafe_interrupts = false;  // allow_unsafe_interrupts of either back end, now or once loaded
  std::string lockdown;            // none, integrity, confidentiality; empty when not there
  Presence vfio_pci = Presence::kAbsent;
  Presence type1 = Presence::kAbsent;
  bool iommufd_node = false;       // /dev/iommu
  std::optional<std::string> log;  // the kernel's
};

struct DiagnosisSources {
  std::optional<std::string> kernel_log;
  // Whether this process may open a file for reading and writing; empty on a recorded host.
  std::function<bool(const std::string& path)> may_open;
};
DiagnosisSources RunningSources();
DiagnosisSources RecordedSources(const Tree& tree);

// Parts of the facts: interrupts and unsafe_interrupts; one module's presence.
void ReadInterruptFacts(const Tree& tree, HostFacts& facts);
Presence ReadPresence(const Tree& tree, const std::string& module);

HostFacts ReadHostFacts(const Tree& tree, const DiagnosisSources& sources);

// Each check in the order in which a person would look. Sources: Documentation/admin-guide
// (kernel-parameters, LSM lockdown), Documentation/driver-api/vfio.rst.
std::vector<Finding> JudgeHost(const HostFacts& facts);

// The parts that a single device's verdict repeats.
Finding JudgeIommu(const HostFacts& facts);
Finding JudgeInterruptRemapping(const HostFacts& facts);
Finding JudgeVfioDriver(const HostFacts& facts);

}  // namespace sysfs
