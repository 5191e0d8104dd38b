// What standard output can show.
#pragma once

namespace cli {

struct Terminal {
  bool colour = false;  // a terminal, and NO_COLOR is not set (no-color.org)
  unsigned width = 0;   // in columns; 0 when it is no terminal
};

Terminal StandardOutput();
bool IsErrorTerminal();

}  // namespace cli
