// A recording as a tar archive, and back as a folder for --sysroot.
//
// The suffix says how it is compressed: .tar, .tar.gz, .tar.xz, .tar.zst. An archive is not
// trusted: only folders, plain files and links are taken out of it, none outside the folder and
// none through a link, up to a size.
#pragma once

#include <string>

#include "cli/snapshot/recording.h"
#include "cli/snapshot/scratch_folder.h"
#include "sysfs/base/result.h"

namespace cli {

// kUsage for a suffix that says nothing.
base::Status CheckArchiveName(const std::string& file);

// Whole or not at all: there is no half archive under this name. An existing file is refused unless
// told to overwrite it. Without scrubbing it is for its owner's eyes only.
struct ArchiveOptions {
  bool overwrite = false;
  bool is_private = false;
};
base::Status WriteArchive(const Recording& recording, const std::string& file,
                          const ArchiveOptions& options);

// Into an existing, empty folder.
base::Status UnpackArchive(const std::string& file, const std::string& folder);

// An archive unpacked for as long as this lives.
class UnpackedSnapshot {
 public:
  static base::Result<UnpackedSnapshot> Open(const std::string& file);

  const std::string& folder() const { return folder_.path(); }

 private:
  explicit UnpackedSnapshot(ScratchFolder folder) : folder_(std::move(folder)) {}
  ScratchFolder folder_;
};

}  // namespace cli
