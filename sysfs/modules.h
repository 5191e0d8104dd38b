// Kernel modules, through libkmod.
//
// A modules directory is what `/lib/modules/RELEASE` is: with the indexes that depmod makes. The
// host's modprobe configuration (blacklists, aliases) counts for Load only. Not thread safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"

struct kmod_ctx;

namespace sysfs {

// "/lib/modules/RELEASE" of the running kernel.
std::string RunningModulesDirectory();

// Names of the modules that claim an alias ("pci:v0000144D..."), or the module of that name; best
// first, built-in ones included. Empty when none does; kNotFound without a usable directory.
base::Result<std::vector<std::string>> AliasesToModules(std::string_view modalias,
                                                        const std::string& modules_dir);

struct ModuleFile {
  std::string name;
  std::string path;      // empty when built in
  bool builtin = false;  // nothing to load

  bool operator==(const ModuleFile&) const = default;
};

// A modules directory whose indexes are open, for several questions in a row.
class ModuleIndex {
 public:
  // kNotFound without indexes.
  static base::Result<ModuleIndex> Open(const std::string& modules_dir);

  // The files to load, in this order, for all modules that claim the alias or name: dependencies
  // and `pre` soft dependencies first, each file once. kNotFound when nothing claims it. Files may
  // be compressed (.ko.xz, .ko.zst, .ko.gz).
  base::Result<std::vector<ModuleFile>> FilesFor(std::string_view modalias_or_name) const;

 private:
  struct Free {
    void operator()(kmod_ctx* context) const;
  };
  ModuleIndex(std::string directory, kmod_ctx* context)
      : directory_(std::move(directory)), context_(context) {}
  std::string directory_;
  std::unique_ptr<kmod_ctx, Free> context_;
};

// Loads a module and its dependencies into the running kernel; done when it is there already or
// built in. kUnfit for a blacklisted module, kDenied without the right or when lockdown refuses it,
// kNotFound when this kernel has no such module. `ignore_commands`: a module for which modprobe.d
// has an install command is loaded itself, for a process that may start no other.
base::Status Load(const std::string& module, bool ignore_commands = false);

}  // namespace sysfs
