// A host's files in memory that behaves like the kernel's PCI core where tests need it.
//
// Paths resolve through links as on a real host: a device lives in /sys/devices and is linked from
// /sys/bus/pci/devices, its driver's directory and its group. Writes are recorded and answered by
// the rules of drivers/base/bus.c and drivers/pci/pci-driver.c: driver_override, drivers/X/bind,
// drivers/X/unbind, drivers_probe, and what vfio-pci refuses. Any write can be made to fail or to
// have no effect. Not thread safe.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace test {

// What AddDevice builds; the defaults are an unbound NVMe drive. Initialisers everywhere
// let tests name only what they care about.
struct FakeDevice {
  std::string bdf = "0000:08:00.0";
  uint16_t vendor = 0x144d;
  uint16_t device = 0xa808;
  uint32_t class_code = 0x010802;
  std::string driver = {};             // bound at once; the driver must have been added
  std::optional<unsigned> group = {};  // the group is added as needed
  int numa_node = -1;
  uint8_t revision = 0;
  uint16_t subsystem_vendor = 0x144d;
  uint16_t subsystem_device = 0xa801;
  std::string parent = {};  // BDF of the bridge above; a root port's place when empty
  std::string physfn = {};  // BDF of the physical function, which must have been added
  std::optional<unsigned> totalvfs = {};  // SR-IOV capable when set
};

class FakeTree final : public sysfs::Tree {
 public:
  struct WriteRecord {
    std::string path;  // as the caller named it
    std::string value;
    int err = 0;  // 0 when it succeeded
    bool operator==(const WriteRecord&) const = default;
  };

  FakeTree();

  // Missing directories on the way are made.
  void AddFile(const std::string& path, std::string content);
  void AddBytes(const std::string& path, std::vector<std::byte> content);
  void AddLink(const std::string& path, std::string target);
  void AddDirectory(const std::string& path);
  // With everything below it.
  void Remove(const std::string& path);

  void AddDevice(const FakeDevice& device);
  void AddGroup(unsigned id, const std::string& type = "DMA-FQ");
  // `match` holds "vvvv:dddd" ids or "cccccc" class codes (a prefix is enough: "0108") in lower
  // case; empty for a driver that binds by override only. A managed_dma driver that is neither
  // pci-stub nor pcieport is a VFIO driver: it makes /dev/vfio/GROUP.
  void AddDriver(const std::string& name, bool managed_dma = false,
                 std::vector<std::string> match = {});
  // VFIO drivers also make D/vfio-dev/vfioN and /dev/vfio/devices/vfioN from now on.
  void UseVfioCdevs() { vfio_cdevs_ = true; }

  // Writes since the start, failed ones included.
  const std::vector<WriteRecord>& writes() const { return writes_; }
  void ForgetWrites() { writes_.clear(); }
  // The n-th write from now (1 is the next) fails with errno `err`, without effect.
  void FailWrite(size_t n, int err) { planned_[writes_.size() + n] = err; }
  // All writes from the n-th on fail: what a killed process never did.
  void FailWritesFrom(size_t n, int err) { fail_from_ = {writes_.size() + n, err}; }
  // Every write to this path, as the caller names it, fails.
  void FailWritesTo(const std::string& path, int err) { failing_paths_[path] = err; }
  // The n-th write from now succeeds and has no effect.
  void SwallowWrite(size_t n) { planned_[writes_.size() + n] = 0; }
  // Asked before the rules of the PCI core: the errno of the write (0: done), or nothing to leave
  // it to them. May change the tree.
  void Answer(
      std::function<std::optional<int>(const std::string& path, const std::string& value)> answer) {
    answer_ = std::move(answer);
  }
  // Called after each write that had its effect; may change the tree.
  void OnWrite(std::function<void(const std::string& path, const std::string& value)> reaction) {
    reaction_ = std::move(reaction);
  }
  // The driver's probe fails with this errno from now on (0: succeeds again).
  void FailProbe(const std::string& driver, int err) { probe_errors_[driver] = err; }

  // Nothing when unbound or absent.
  std::optional<std::string> DriverOf(const std::string& bdf) const;
  std::optional<std::string> OverrideOf(const std::string& bdf) const;
  // "on" or "auto".
  std::string PowerOf(const std::string& bdf) const;

  base::Result<std::string> Read(const std::string& path) const override;
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override;
  base::Result<std::string> ReadLink(const std::string& path) const override;
  base::Result<std::vector<std::string>> List(const std::string& path) const override;
  bool Exists(const std::string& path) const override;
  base::Status Write(const std::string& path, std::string_view value) override;

 private:
  enum class Kind : uint8_t { kDirectory, kFile, kLink };
  struct Node {
    Kind kind = Kind::kDirectory;
    std::string content;  // of a file, or a link's target
  };
  struct State {
    FakeDevice description;
    std::string path;    // in /sys/devices
    std::string driver;  // empty when unbound
    std::string wanted;  // driver_override; empty when unset
  };
  struct Driver {
    bool managed_dma = false;
    bool is_vfio = false;
    std::vector<std::string> match;
  };

  // The real path behind `path`; nothing when a component is missing. The last component's link is
  // followed on demand. Valid until a directory or a link comes or goes.
  const std::optional<std::string>& Resolve(const std::string& path, bool follow_last) const;
  std::optional<std::string> Walk(const std::string& path, bool follow_last) const;
  const Node* Find(const std::string& path, bool follow_last = true) const;
  void Put(const std::string& path, Node node);
  // errno of a write to the real path, 0 on success.
  int React(const std::string& path, const std::string& value);
  int Bind(const std::string& driver, State& state);
  int Unbind(const std::string& driver, State& state);
  int Probe(State& state);
  int CheckVfio(const State& state) const;
  bool Matches(const std::string& name, const Driver& driver, const State& state) const;
  bool MayProbe(const State& state) const;
  void ShowBound(State& state, const std::string& driver);
  void ShowUnbound(State& state);
  void UpdateVfioNodes(const State& state, bool bound);
  void UpdatePower(const State& state, bool bound);
  void UpdateAttributes(const State& state);
  State* FindState(const std::string& bdf);

  std::map<std::string, Node> nodes_;  // by real path
  // What Walk found, until a directory or a link comes or goes; with the last link followed second.
  mutable std::array<std::map<std::string, std::optional<std::string>>, 2> resolved_;
  std::map<std::string, State> devices_;
  std::map<std::string, Driver> drivers_;
  std::vector<std::string> driver_order_;
  std::vector<WriteRecord> writes_;
  std::map<size_t, int> planned_;
  std::optional<std::pair<size_t, int>> fail_from_;
  std::map<std::string, int> failing_paths_;
  std::map<std::string, int> probe_errors_;
  std::function<std::optional<int>(const std::string&, const std::string&)> answer_;
  std::function<void(const std::string&, const std::string&)> reaction_;
  bool vfio_cdevs_ = false;
};

}  // namespace test
