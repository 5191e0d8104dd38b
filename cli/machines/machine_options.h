// The options of a machine, for `vmm run` and `vmm plan`: from arguments to vmm::Options.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/machines/managed_run.h"
#include "sysfs/tree.h"
#include "vmm/options.h"

namespace cli {

struct RunArguments {
  std::optional<std::string> kernel;
  std::optional<std::string> initrd;
  std::string append;
  unsigned cpus = 1;
  unsigned hotplug = 2;
  std::string memory = "512M";
  std::vector<std::string> assign;  // DEV or fd=N, then options
  std::vector<std::string> disks;   // FILE, then options
  std::vector<std::string> nets;    // tap or socket, then options
  bool rng = false;
  std::vector<std::string> balloon;  // at most one: its options
  std::optional<std::string> exec;
  std::optional<std::string> console;
  std::optional<std::string> name;
  std::optional<std::string> monitor;
  std::string dma = "auto";
  bool stats = false;
  std::optional<std::string> seccomp;
  ManagedOptions managed;
};

// Pure but for the selectors and descriptors, which are looked up in the tree. kUsage names the
// option and what it takes.
base::Result<vmm::Options> MakeOptions(const sysfs::Tree& tree, const RunArguments& arguments);

// The arguments outlive the parse.
void AddMachineOptions(CLI::App& command, RunArguments& arguments);

}  // namespace cli
