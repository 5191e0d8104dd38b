// Recorded hosts of tests/data as trees in memory or as directories for --sysroot.
//
// The text form: "dir PATH", "link PATH TARGET", "file PATH" with the content in lines behind two
// blanks, "bytes PATH SIZE" with lines of "OFFSET: HEX BYTES" over zeros; '#' begins a comment.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/fake_tree.h"

namespace test {

// `name` is a file below tests/data. A line that is none of the above fails the test.
std::unique_ptr<FakeTree> LoadHost(const std::string& name);
void WriteHost(const std::string& name, const std::filesystem::path& directory);

}  // namespace test
