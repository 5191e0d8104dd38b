// A host in memory with a journal in a folder of its own, for the commands that change drivers.
#pragma once

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/vassign.h"
#include "tests/support/fake_tree.h"
#include "tests/support/temp_folder.h"

namespace test {

// 0000:08:00.0 on nvme in group 14; 0000:09:00.0 and 0000:09:00.1 on igb, both in group 15.
class AssignmentWorld {
 public:
  AssignmentWorld()
      : tree_(new FakeTree), context_(std::unique_ptr<sysfs::Tree>(tree_), out_, err_) {
    tree_->AddDriver("nvme", false, {"0108"});
    tree_->AddDriver("igb", false, {"8086:10c9"});
    tree_->AddDriver("vfio-pci", true);
    tree_->AddDevice({.driver = "nvme", .group = 14});
    for (const char* bdf : {"0000:09:00.0", "0000:09:00.1"}) {
      tree_->AddDevice({.bdf = bdf,
                        .vendor = 0x8086,
                        .device = 0x10c9,
                        .class_code = 0xff0000,
                        .driver = "igb",
                        .group = 15});
    }
    context_.assignment_host = [this](sysfs::Tree& tree) { return Host(tree); };
  }

  sysfs::AssignmentHost Host(sysfs::Tree& tree) const {
    sysfs::AssignmentHost host = {tree, sysfs::Journal(folder_.path(), "boot-1"), {}, {}, {}};
    host.lock_patience = std::chrono::milliseconds(0);
    host.in_process_writes = true;
    host.apply.pause = [](std::chrono::milliseconds) {};
    return host;
  }

  // The exit status of `vassign WORDS...`; out() and err() hold what this run said.
  int Run(const std::vector<std::string>& words) {
    out_.str("");
    err_.str("");
    context_.json = false;
    std::vector<const char*> arguments = {"vassign"};
    for (const std::string& word : words) arguments.push_back(word.c_str());
    return cli::RunVassign(static_cast<int>(arguments.size()), arguments.data(), context_);
  }

  FakeTree& tree() { return *tree_; }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }
  cli::Context& context() { return context_; }
  sysfs::Journal journal() const { return sysfs::Journal(folder_.path(), "boot-1"); }

 private:
  TempFolder folder_;
  std::ostringstream out_;
  std::ostringstream err_;
  FakeTree* tree_;  // owned by the context
  cli::Context context_;
};

}  // namespace test
