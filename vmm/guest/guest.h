// The default guest: what `vmm run` boots when the user names no kernel.
//
// It is the host's own running kernel with an initramfs made in memory: busybox, the drivers of the
// assigned devices, and a shell on the console or one command.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vmm/guest/busybox.h"
#include "vmm/guest/modules.h"

namespace vmm::guest {

struct GuestRequest {
  std::vector<std::string> modaliases;  // of the assigned devices, as the host tells them
  std::vector<std::string> drivers;     // by name: of emulated devices
  bool virtio_console = false;          // its driver comes first
  std::optional<std::string> exec;      // a shell command; nothing: a shell
  std::string kernel;                   // empty: the running one
  std::string modules_dir;              // empty: /lib/modules/RELEASE of that kernel
  std::string append;                   // the user's part of the command line
  std::vector<GuestFile> extra_files;
};

struct GuestImage {
  std::string kernel_path;
  std::vector<std::byte> initrd;
  std::string command_line;
  std::vector<std::string> remarks;  // what the guest will lack, to be printed
};

// What the host lacks is an error that names the file and the cure. Reads through `tree`; modules
// are found by libkmod, which reads the host's own files.
base::Result<GuestImage> BuildGuest(const sysfs::Tree& tree, const GuestRequest& request);
// The same with another way to find modules.
base::Result<GuestImage> BuildGuest(const sysfs::Tree& tree, const GuestRequest& request,
                                    const ModuleFinder& find);

}  // namespace vmm::guest
