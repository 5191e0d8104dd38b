// The kernel's VFIO and iommufd behind a ScriptedKernel and a FakeTree: container, groups, device
// files and an I/O address space, with the order that the kernel demands. Devices are
// FakeVfioDevices.
//
//   test::ScriptedKernel kernel; test::FakeTree tree; test::FakeVfioDevice nvme;
//   test::FakeVfioHost host(kernel, tree);
//   host.Add(nvme, 14);
//
// Kernel, tree and devices outlive what uses them. Thread safe as far as ioctls go.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/fake_kernel.h"
#include "tests/support/fake_tree.h"
#include "tests/support/fake_vfio_device.h"
#include "vfio/dma_space.h"

namespace test {

class FakeVfioHost {
 public:
  struct Mapped {
    uint64_t iova = 0;
    uint64_t size = 0;
    uint64_t address = 0;
    bool operator==(const Mapped&) const = default;
  };

  // `cdevs`: whether VFIO devices have device files.
  FakeVfioHost(ScriptedKernel& kernel, FakeTree& tree, bool cdevs = true);

  // The function appears on the bus, in this group, on vfio-pci.
  void Add(FakeVfioDevice& device, unsigned group);
  // The group's status says that it is not viable, and joining a container fails.
  void MakeUnviable(unsigned group);
  void SetAllowed(std::vector<vfio::IovaRange> allowed) { allowed_ = std::move(allowed); }

  // Called before each map, on the thread that makes it.
  void OnMap(std::function<void()> hook) { on_map_ = std::move(hook); }
  // What is mapped now, by address.
  std::vector<Mapped> maps() const;

 private:
  int Container(unsigned long request, void* argument);
  int Group(unsigned id, unsigned long request, void* argument);
  int Iommufd(unsigned long request, void* argument);
  int AnswerIommuInfo(void* argument) const;
  int AnswerIovaRanges(void* argument) const;
  int Map(const Mapped& map);
  int Unmap(uint64_t iova, uint64_t size);

  ScriptedKernel& kernel_;
  FakeTree& tree_;
  std::map<unsigned, std::vector<FakeVfioDevice*>> groups_;
  std::set<unsigned> unviable_;
  std::vector<vfio::IovaRange> allowed_ = {{0, 0xfedfffff}, {0xfef00000, (uint64_t{1} << 39) - 1}};

  std::function<void()> on_map_;

  mutable std::mutex mutex_;  // what follows
  std::set<unsigned> attached_;
  bool has_iommu_ = false;
  std::vector<Mapped> maps_;
};

}  // namespace test
