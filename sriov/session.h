// One run's hold on a physical function: its locks, its way to write, its view of the drive.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sriov/functions.h"
#include "sriov/host.h"
#include "sriov/step.h"
#include "sysfs/assignment/host_lock.h"
#include "sysfs/assignment/journal.h"

namespace sriov {

// Neither copied nor moved; used by one thread. Without Lock it may only read.
class Session {
 public:
  Session(Host& host, const sysfs::PciAddress& pf) : host_(host), pf_(pf) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

  // The host lock and the physical function's. `count` scales the deadline of its writes. `held` is
  // the host lock of a larger change that this is a part of, and outlives the session.
  base::Status Lock(unsigned count, const sysfs::FileLock* held = nullptr);
  base::Result<PhysicalFunction> Read();
  // With the locks of these virtual functions, whose drivers the writes reach.
  base::Status Perform(const Steps& steps, const std::vector<VirtualFunction>& functions = {});
  // Until the drive works again after its reset.
  base::Status AwaitDrive();
  // From the drivers, whose processes are asked for them and waited for.
  base::Status UnbindAll(const std::vector<sysfs::AssignmentPlan>& plans);
  // To vfio-pci.
  base::Status BindAll(const PhysicalFunction& pf);

  // The bind records of functions that end; until BeginUndo they are kept for PutBackRecords.
  base::Status DropRecords(const std::vector<VirtualFunction>& functions);
  void BeginUndo() { is_undoing_ = true; }
  void PutBackRecords();

  Host& host() { return host_; }
  const sysfs::PciAddress& pf() const { return pf_; }
  std::chrono::milliseconds deadline() const { return deadline_; }

 private:
  Host& host_;
  sysfs::PciAddress pf_;
  std::chrono::milliseconds deadline_{0};
  std::optional<sysfs::FileLock> own_lock_;
  const sysfs::FileLock* host_lock_ = nullptr;
  std::vector<sysfs::FileLock> locks_;
  std::string nvme_name_;
  std::unique_ptr<NvmeAdmin> nvme_;
  std::vector<sysfs::Record> dropped_;
  std::optional<sysfs::PciDevice> card_;  // as first read
  bool is_undoing_ = false;
};

}  // namespace sriov
