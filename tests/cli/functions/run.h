// Runs `vassign` on the host with virtual functions of tests/support/sriov_world.h.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cli/vassign.h"
#include "tests/support/sriov_world.h"

namespace test {

class SriovRun {
 public:
  SriovRun() : context_(world_.TakeTree(), out_, err_) {
    context_.assignment_host = [this](sysfs::Tree& tree) { return world_.Assignment(tree); };
    context_.sriov_host = [this](sysfs::AssignmentHost& host) { return world_.Host(host); };
  }

  // The exit status of `vassign WORDS...`; out() and err() hold what this run said.
  int operator()(std::vector<const char*> words) {
    out_.str("");
    err_.str("");
    context_.json = false;
    words.insert(words.begin(), "vassign");
    words.push_back(nullptr);
    return cli::RunVassign(static_cast<int>(words.size()) - 1, words.data(), context_);
  }

  SriovWorld& world() { return world_; }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }
  cli::Context& context() { return context_; }

 private:
  SriovWorld world_;
  std::ostringstream out_;
  std::ostringstream err_;
  cli::Context context_;
};

}  // namespace test
