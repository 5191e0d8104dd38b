// A part of a host's files as a value: what a snapshot holds.
//
// Paths are real, without links on the way, so that the three kinds never collide.
#pragma once

#include <map>
#include <set>
#include <string>

namespace cli {

struct Recording {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> links;  // the target as written
  std::set<std::string> folders;             // also what was only seen to be there
};

// Folders that are the place of something else are left out: a file, a link, or what is below them.
std::set<std::string> EmptyFolders(const Recording& recording);

}  // namespace cli
