// A host in memory on which others work while our commands run.
//
// After a write of ours, and before we look at a device, one of them may have a turn: chance says
// whether, what is done and to which device. Each write of ours is checked on its way: it names a
// device of the command, and the card there is the one that was planned for.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sysfs/assignment/assignment.h"
#include "tests/support/fake_tree.h"
#include "tests/support/random_input.h"
#include "tests/support/temp_folder.h"

namespace sysfs {

class BusyHost {
 public:
  explicit BusyHost(test::RandomInput& chance);
  BusyHost(const BusyHost&) = delete;
  BusyHost& operator=(const BusyHost&) = delete;
  ~BusyHost();

  // What a command of ours works on.
  AssignmentHost Host();
  // A command that may write to these devices begins; the others do `deeds` things at most.
  void Begin(const std::vector<PciAddress>& devices, size_t deeds);
  // The others stop, and let go what they hold.
  void Quieten();

  // Addresses that cards may sit at: a drive alone in its group, two functions and a bridge that
  // share one, a virtual function.
  static std::vector<PciAddress> Slots();
  // The card's id; nothing when there is none.
  std::optional<uint16_t> CardIn(const PciAddress& slot) const;
  // Driver, override and power control are those of the beginning.
  bool IsAsBefore(const PciAddress& slot) const;
  // Whether one of the others has changed the device, or has set this override on it.
  bool IsTouched(const PciAddress& slot) const { return touched_.contains(slot.ToString()); }
  bool IsTheirs(const PciAddress& slot, const std::string& driver_override) const;
  // Whether the command looked at the device when it was as the record says.
  bool HasSeen(const Record& record) const;

  static constexpr size_t kDeedCount = 15;
  const test::FakeTree& tree() const { return tree_; }
  const Journal& journal() const { return journal_; }
  // How often each deed was done, and all that was written and done, a line each.
  const std::map<std::string, size_t>& done() const { return done_; }
  const std::string& story() const { return story_; }

 private:
  class View;
  using State = std::tuple<std::optional<std::string>, std::optional<std::string>, std::string>;
  struct Deed {
    const char* name;
    void (BusyHost::*act)(const std::string& bdf);
    bool touches = true;
  };
  struct Driver {
    const char* name;
    bool managed_dma;
    std::vector<std::string> match;
  };
  static const std::array<Deed, kDeedCount> kDeeds;
  static const std::vector<Driver>& Drivers();
  static const std::map<std::string, test::FakeDevice>& Cards();  // of the beginning, by address
  static const test::FakeTree& MadeTree();  // the host at the beginning, made once

  State StateOf(const std::string& bdf) const;
  void Look(const std::string& path);
  base::Status Write(const std::string& path, std::string_view value);
  void TakeTurn();

  // What the others do.
  void Unbind(const std::string& bdf);
  void ClearOverride(const std::string& bdf);
  void SetOverride(const std::string& bdf);
  void Reattach(const std::string& bdf);
  void TakeWithDriverctl(const std::string& bdf);
  void BindToStub(const std::string& bdf);
  void BindByIds(const std::string& bdf);
  void TakeOut(const std::string& bdf);
  void FindAgain(const std::string& bdf);
  void PutAnotherIn(const std::string& bdf);
  void UnloadDriver(const std::string& bdf);
  void LoadDrivers(const std::string& bdf);
  void MakeReadOnly(const std::string& bdf);
  void SwitchAutoprobe(const std::string& bdf);
  void OpenGroup(const std::string& bdf);

  void Put(const std::string& path, const std::string& value) { (void)tree_.Write(path, value); }
  void PutOverride(const std::string& bdf, const std::string& driver);
  void BindTo(const std::string& bdf, const std::string& driver);
  void PutIn(const std::string& bdf, uint16_t id);
  void Load(const std::string& name);  // of a driver or of its module

  test::RandomInput& chance_;
  test::FakeTree tree_;
  test::TempFolder folder_;
  Journal journal_;
  std::map<std::string, State> before_;
  std::map<std::string, uint16_t> cards_;                   // ids, by what they sit in
  std::map<std::string, std::optional<uint16_t>> planned_;  // what sat there at our last whole look
  std::set<std::string> ours_;                              // devices of the command
  std::map<std::string, std::vector<State>> seen_;          // in the command's whole looks
  std::set<std::string> touched_;
  std::set<std::pair<std::string, std::string>> overrides_;  // that the others have set
  size_t deeds_left_ = 0;
  size_t read_only_ = 0;  // writes of ours that will fail
  std::map<std::string, size_t> done_;
  std::string story_;
  std::unique_ptr<View> view_;
};

}  // namespace sysfs
