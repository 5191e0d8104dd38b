// Devices that one run takes from the host and gives back when it ends: `vassign with` and
// `vmm run --managed`.
//
// A session (sysfs/assignment/session.h) names them before the first is taken, so that the next run
// gives back what a killed one has left.
#pragma once

#include <string_view>
#include <vector>

#include "cli/context.h"
#include "sysfs/assignment/assignment.h"
#include "sysfs/assignment/session.h"

namespace cli {

// What is borrowed. `group`: with all that shares the devices' IOMMU groups.
struct LoanRequest {
  sysfs::BindRequest bind;
  bool group = false;
};

// All checks; nothing is changed.
base::Result<std::vector<sysfs::AssignmentPlan>> PlanLoan(const sysfs::AssignmentHost& host,
                                                          const LoanRequest& request);

// Gives back what killed runs have left. `program` begins each line on Context::err.
base::Status FinishAbandoned(Context& context, std::string_view program,
                             sysfs::AssignmentHost& host);

class Loan {
 public:
  // All devices or none, with the errors of `vassign bind`. A device that is there already stays
  // there at the end. Context, program and host outlive the loan.
  static base::Result<Loan> Take(Context& context, std::string_view program,
                                 sysfs::AssignmentHost& host, const LoanRequest& request);

  // One for each device that was asked for and, with `group`, for each that came with them.
  const std::vector<sysfs::AssignmentResult>& results() const { return results_; }

  // In the reverse order, each for itself, once the devices are closed. False when one could not be
  // given back, which is said; the session then stays, for the next run to try again.
  base::Result<bool> GiveBack();
  // What a command says at its end when that was false.
  static base::Failure NotAllGivenBack();

 private:
  Loan(Context& context, std::string_view program, sysfs::AssignmentHost& host,
       sysfs::Session session)
      : context_(&context), program_(program), host_(&host), session_(std::move(session)) {}

  Context* context_;
  std::string_view program_;
  sysfs::AssignmentHost* host_;
  sysfs::Session session_;
  std::vector<sysfs::PciAddress> taken_;
  std::vector<sysfs::AssignmentResult> results_;
};

}  // namespace cli
