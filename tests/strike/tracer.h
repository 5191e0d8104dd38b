#pragma once

#include <string>
#include <vector>

namespace strike {

// What happens to whom: every thread that comes to its `number`-th call of this kind (on the file
// of one of these names, if there are any) is killed before the call, with its process, or gets
// `error` from it instead.
struct Strike {
  long call = -1;
  unsigned long number = 1;
  std::vector<std::string> names;
  int error = 0;  // an errno; 0: killed
};

struct Outcome {
  bool struck = false;
  // Of all threads, the most calls that one made of this kind.
  unsigned long most = 0;
  // As a shell tells it: 128 + the signal of one that was killed.
  int status = 0;
};

// Runs `command`, a path and its arguments, and waits for it and everything that it starts
// (ptrace(2), seccomp(2): the kernel stops the struck kind of call alone, all others run at full
// speed). Throws std::system_error when that is not possible.
Outcome Run(const Strike& strike, const std::vector<std::string>& command);

}  // namespace strike
