// A host with a card and a drive, and a declarative file that wants both.
#pragma once

#include <gtest/gtest.h>

#include "cli/declared/apply.h"
#include "tests/support/sriov_world.h"
#include "tests/support/temp_folder.h"

namespace cli {

inline constexpr const char* kBoth = R"(
[[device]]
name = "drive"
match = { serial = "S1" }
driver = "vfio-pci"
[[device]]
name = "nic"
match = { mac = "52:54:00:00:00:03" }
[device.sriov]
count = 2
driver = "vfio-pci"
[[device.sriov.vf]]
index = 1
mac = "02:00:00:00:00:01"
vlan = 7
)";

// The card and the drive of SriovWorld, and a file that wants both.
class ApplyTest : public testing::Test {
 protected:
  ApplyTest() {
    Reset();
    nodes_.read = [this](const std::string& path) -> base::Result<NodeState> {
      if (!world_->tree().Exists(path)) return base::FailErrno(path, ENOENT);
      const auto found = states_.find(path);
      return found == states_.end() ? NodeState() : found->second;
    };
    nodes_.write = [this](const std::string& path, const NodeState& state) -> base::Status {
      states_[path] = state;
      return {};
    };
  }

  // A new host.
  void Reset() {
    world_ = std::make_unique<test::SriovWorld>();
    pins_ = std::make_unique<test::TempFolder>();
    test::FakeTree& tree = world_->tree();
    tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/serial", "S1 \n");
    tree.AddFile("/sys/bus/pci/devices/0000:03:00.0/net/eth3/address", "52:54:00:00:00:03\n");
    tree.AddFile("/sys/bus/pci/devices/0000:03:00.0/net/eth3/addr_assign_type", "0\n");
  }

  base::Result<ApplyOutcome> Run(const std::string& text, ApplyRequest request = {}) {
    const auto config = ParseConfig(text, "f.toml");
    if (!config) return base::Failure(config.error());
    auto assignment = world_->Assignment();
    auto sriov = world_->Host(assignment);
    DeclaredHost host = {sriov, Pins(pins_->path()), nodes_};
    return Apply(host, *config, request);
  }
  base::Result<DeclaredPlan> Plan(const std::string& text) {
    auto assignment = world_->Assignment();
    auto sriov = world_->Host(assignment);
    DeclaredHost host = {sriov, Pins(pins_->path()), nodes_};
    return PlanDeclared(host, *ParseConfig(text, "f.toml"), {});
  }
  template <class Action>
  auto WithHost(Action action) {
    auto assignment = world_->Assignment();
    auto sriov = world_->Host(assignment);
    DeclaredHost host = {sriov, Pins(pins_->path()), nodes_};
    return action(host);
  }
  ApplyRequest Confirmed(unsigned seconds) {
    ApplyRequest request;
    request.confirm = seconds;
    request.pid = 1;
    request.start_guard = [this]() -> base::Status {
      guarded_ = true;
      return {};
    };
    return request;
  }
  bool HasTransaction() { return FindTransaction(world_->journal())->has_value(); }

  std::unique_ptr<test::SriovWorld> world_;
  std::unique_ptr<test::TempFolder> pins_;
  Nodes nodes_;
  std::map<std::string, NodeState> states_;
  bool guarded_ = false;
};

}  // namespace cli
