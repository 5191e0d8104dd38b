// What comes out of a pipe.
#pragma once

#include <unistd.h>

#include <string>

#include "sysfs/base/fd.h"

namespace test {

// Waits for so many bytes, or the end.
inline std::string ReadPipe(const base::Fd& pipe, size_t count) {
  std::string text(count, '\0');
  size_t done = 0;
  while (done < count) {
    const ssize_t got = ::read(pipe.raw(), text.data() + done, count - done);
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return text.substr(0, done);
}

}  // namespace test
