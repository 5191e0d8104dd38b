// A tree that keeps what is read through it, so that a snapshot holds just what the readers read.
//
// It lets through what a snapshot may hold and hides the rest: processes, sessions, the files of
// other tools, the contents of device nodes. Where a file says more than any reader asks for, only
// the lines that count are kept. It never wakes a sleeping device and never waits for one: files
// that would are answered as absent, what a lock guards as told beforehand.
//
// Not thread safe; the tree below outlives it. Refuses writes.
#pragma once

#include <string>
#include <vector>

#include "cli/snapshot/recording.h"
#include "sysfs/caching_tree.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace cli {

class RecordingTree final : public sysfs::Tree {
 public:
  explicit RecordingTree(const sysfs::Tree& below) : below_(below) {}

  // The attributes of devices that a lock guards, read before (sysfs/guarded.h).
  void TellLocked(const sysfs::PciDevice& device);
  // A file that is made, not read.
  void Put(const std::string& path, std::string content);

  const Recording& recording() const { return recording_; }
  // Files that only root reads, as far as they were asked for.
  const std::set<std::string>& denied() const { return denied_; }

  base::Result<std::string> Read(const std::string& path) const override;
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override;
  base::Result<std::string> ReadLink(const std::string& path) const override;
  base::Result<std::vector<std::string>> List(const std::string& path) const override;
  bool Exists(const std::string& path) const override;
  base::Status Write(const std::string& path, std::string_view value) override;

 private:
  // The place without links, which are kept; nothing when it may not be in a snapshot.
  std::string Place(const std::string& path) const;
  bool WouldWake(const std::string& path) const;
  void NoteDenied(const std::string& path, const base::Error& error) const;

  sysfs::CachingTree below_;
  mutable Recording recording_;
  mutable std::set<std::string> denied_;
};

// Whether a snapshot may hold this path.
bool MayRecord(std::string_view path);
// What of a file counts: of modules.alias the lines about VFIO, of mountinfo those about disks, of
// iomem those about framebuffers.
std::string WhatCounts(std::string_view path, std::string text);

}  // namespace cli
