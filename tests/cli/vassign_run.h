// Runs `vassign` in the test's process on a recorded host, and compares with golden outputs.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "cli/vassign.h"
#include "sysfs/evidence/evidence.h"
#include "tests/support/recorded_host.h"

namespace test {

struct RunResult {
  int status = 0;
  std::string out;
  std::string err;
};

class VassignRun {
 public:
  explicit VassignRun(std::unique_ptr<sysfs::Tree> tree) : context_(std::move(tree), out_, err_) {
    context_.names = sysfs::Names(std::string(TEST_DATA_DIR) + "/pci.ids");
  }
  VassignRun() : VassignRun(LoadHost("host.txt")) {}

  cli::Context& context() { return context_; }

  RunResult operator()(std::vector<const char*> words) {
    out_.str("");
    err_.str("");
    words.insert(words.begin(), "vassign");
    words.push_back(nullptr);
    const int status = cli::RunVassign(static_cast<int>(words.size()) - 1, words.data(), context_);
    return {status, out_.str(), err_.str()};
  }

 private:
  std::ostringstream out_;
  std::ostringstream err_;
  cli::Context context_;
};

// Marks of use: a mounted file system on what sits on this bus, nothing else anywhere.
inline std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> UsedOnBus(uint8_t bus) {
  return [bus](const sysfs::PciDevice& device) {
    std::vector<sysfs::Evidence> evidence;
    if (device.address.bus == bus) {
      evidence.push_back({sysfs::UseKind::kMount,
                          {device.address.ToString(), "sda", "mounted /srv"},
                          "",
                          std::nullopt,
                          ""});
    }
    return evidence;
  };
}

// Equal to tests/data/golden/NAME. With VASSIGN_UPDATE_GOLDEN set, the file is written instead.
inline void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(TEST_DATA_DIR) + "/golden/" + name;
  if (std::getenv("VASSIGN_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << "golden output " << path;
}

}  // namespace test
