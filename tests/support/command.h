// Runs a tool of the system and keeps what it says; a folder that is removed at the end.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "tests/support/temp_folder.h"

namespace test {

struct Outcome {
  int status = -1;     // of the shell
  std::string output;  // both streams
};

inline Outcome RunCommand(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  if (pipe == nullptr) return outcome;
  char part[4096];
  for (size_t size = 0; (size = std::fread(part, 1, sizeof part, pipe)) > 0;) {
    outcome.output.append(part, size);
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

inline bool HasTool(const std::string& name) {
  return RunCommand("command -v " + name).status == 0;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (InMemory() / "vassign-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::string Write(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream file(path_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return (path_ / name).string();
  }
  std::string Write(const std::string& name, const std::string& text) const {
    return Write(name, std::as_bytes(std::span(text)));
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Outcome Run(const std::string& command) const {
    return RunCommand("cd " + path_.string() + " && " + command);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace test
