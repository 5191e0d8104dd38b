// All that changing virtual functions needs of the host.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sriov/nvme_admin.h"
#include "sriov/vf_links.h"
#include "sysfs/assignment/assignment.h"

namespace sriov {

// The next PCI function that udev has announced ("add", its rules processed); nothing when none
// came within `limit`.
using Watch = std::function<std::optional<sysfs::PciAddress>(std::chrono::milliseconds limit)>;

// The references outlive it; the functions may be empty where said so.
struct Host {
  sysfs::AssignmentHost& assignment;
  VfLinks& links;
  // Empty: drives are left alone.
  std::function<base::Result<std::unique_ptr<NvmeAdmin>>(const std::string& node)> open_nvme;
  // Starts to listen, before the functions come. Empty: no udev runs here.
  std::function<base::Result<Watch>()> watch;
  // How many of the new functions are there; for a person's eyes. May be empty.
  std::function<void(unsigned done, unsigned total)> progress;
};

}  // namespace sriov
