// Documents held against docs/schema/vassign.schema.json.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/command.h"

namespace test {

class SchemaTest : public testing::Test {
 protected:
  // The validator's verdict on all files that were kept.
  Outcome Validate() const {
    std::string command = std::string(PYTHON3) + " " + VALIDATE + " " + schema_;
    for (const std::string& file : files_) command += " " + file;
    return RunCommand(command);
  }
  void Keep(const std::string& name, const std::string& text) {
    files_.push_back(folder_.Write(name, text));
  }

  std::string schema_ = SCHEMA;
  TemporaryFolder folder_;
  std::vector<std::string> files_;
};

}  // namespace test
