#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <string>
#include <vector>

namespace strike {

// Whether it is known which arguments of this call are files: descriptors, or paths.
bool HasFiles(long call);

// The files of a call that `thread`, stopped at its entry with these registers, is about to make:
// its path arguments as they stand in its memory, and what /proc says that its descriptors are.
// What cannot be read is left out.
std::vector<std::string> FilesOf(pid_t thread, const user_regs_struct& registers);

}  // namespace strike
