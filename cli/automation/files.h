// The files that `vassign rules` installs and removes: the generated rules, and those of the folder
// udev-rules, which are built into the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"

namespace cli {

struct InstalledFile {
  std::string path;  // "/usr/lib/systemd/system/vassign@.service"
  std::string text;  // of a link: what it points to
  unsigned mode = 0644;
  bool is_link = false;
  bool operator==(const InstalledFile&) const = default;
};

inline constexpr const char* kRulesPath = "/etc/udev/rules.d/61-vassign.rules";

// Units, initramfs hooks and their script; and the link that enables vassign-apply.service.
const std::vector<InstalledFile>& StaticFiles();
// These and the rules with this text.
std::vector<InstalledFile> FilesToInstall(const std::string& udev_rules);

// Below `root` ("" for this host). Each file is replaced whole; one that holds the same already is
// left. The paths that were written.
base::Result<std::vector<std::string>> InstallFiles(const std::string& root,
                                                    const std::vector<InstalledFile>& files);
// The paths that were there, and are not any more. Folders that these leave empty go too, if they
// are vassign's own.
base::Result<std::vector<std::string>> RemoveFiles(const std::string& root,
                                                   const std::vector<InstalledFile>& files);

// One file, replaced whole and durably; its folders are made.
base::Status WriteWhole(const std::string& path, std::string_view text, unsigned mode);

}  // namespace cli
