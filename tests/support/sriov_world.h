// A host in memory with a network card and a drive that have virtual functions, and a journal.
//
// 0000:03:00.0 igb, interface eth3, 7 functions that igbvf drives; 0000:08:00.0 nvme1, 4 functions
// and 8 flexible queues and 4 interrupts that the primary controller has at first, as QEMU's drive
// does. sriov_numvfs follows drivers/pci/iov.c. Every change (write, netlink, command) counts as
// one step; any can be made to fail.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sriov/host.h"
#include "tests/support/fake_tree.h"
#include "tests/support/temp_folder.h"

namespace test {

class SriovWorld final : public sriov::VfLinks {
 public:
  SriovWorld();

  // The n-th step from now on fails (1: the next), with this errno where it has one.
  void FailStep(size_t n, int err = 5) {
    fail_at_ = steps_ + n;
    fail_err_ = err;
  }
  // After a step has failed, the n-th one behind it fails as well.
  void FailAgain(size_t n) { again_ = n; }
  // The n-th step from now on is not made: Killed is thrown instead.
  struct Killed {};
  void KillAt(size_t n) { kill_at_ = steps_ + n; }
  size_t steps() const { return steps_; }
  void ForgetSteps() { steps_ = fail_at_ = kill_at_ = again_ = 0; }
  // The card's driver enables no more than this.
  void EnableAtMost(unsigned count) { most_ = count; }
  // Links exist, but udev announces nothing from now on.
  void SilenceUdev() { is_silent_ = true; }

  // Number, autoprobe, drivers, overrides, attributes and resources of all functions, bind records
  // and records: what a change that failed must leave as it was.
  std::string Digest();

  sysfs::AssignmentHost Assignment() { return Assignment(*tree_); }
  sysfs::AssignmentHost Assignment(sysfs::Tree& tree) const;
  sriov::Host Host(sysfs::AssignmentHost& assignment);
  FakeTree& tree() { return *tree_; }
  // Gives the tree away, to a context that owns its host; it is used on.
  std::unique_ptr<FakeTree> TakeTree() { return std::move(owned_); }
  sysfs::Journal journal() const { return sysfs::Journal(folder_.path(), "boot-1"); }

  std::map<unsigned, sriov::VfAttributes>& attributes() { return attributes_; }
  // errno of a write of this attribute by the card's driver; 0 for a value that it takes.
  std::function<int(const sriov::VfAttributes&)> card_refuses;

  base::Result<std::map<unsigned, sriov::VfAttributes>> Read(const std::string& name) override;
  base::Status Write(const std::string& name, unsigned index,
                     const sriov::VfAttributes& change) override;

  // The drive: primary share that is in force and that of the next reset, secondary controllers.
  struct Drive {
    sriov::NvmePrimary primary;
    uint16_t next_queues = 0;
    uint16_t next_interrupts = 0;
    std::vector<sriov::NvmeSecondary> secondaries;
    std::vector<bool> was_reset;  // since resources were given
  };
  Drive& drive() { return drive_; }
  base::Status Manage(const sriov::NvmeCommand& command);

 private:
  bool Fails();
  std::optional<int> OnWrite(const std::string& path, const std::string& value);
  int WriteCount(const std::string& pf, unsigned count);
  void AddFunction(const std::string& pf, unsigned index);
  void RemoveFunctions(const std::string& pf, unsigned count);
  void ResetDrive();
  std::string Address(const std::string& pf, unsigned index) const;

  TempFolder folder_;
  std::unique_ptr<FakeTree> owned_ = std::make_unique<FakeTree>();
  FakeTree* tree_ = owned_.get();
  std::map<unsigned, sriov::VfAttributes> attributes_;
  Drive drive_;
  std::vector<sysfs::PciAddress> announced_;
  size_t steps_ = 0;
  size_t fail_at_ = 0;
  size_t kill_at_ = 0;
  size_t again_ = 0;
  int fail_err_ = 0;
  unsigned most_ = 1000;
  bool is_silent_ = false;
  bool is_within_ = false;
};

inline constexpr sysfs::PciAddress kCard{0, 3, 0, 0};
inline constexpr sysfs::PciAddress kSriovDrive{0, 8, 0, 0};

}  // namespace test
