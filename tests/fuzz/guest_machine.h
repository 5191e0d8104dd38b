// A guest with one assigned device, for targets that play the guest: the fakes of the unit tests.
#pragma once

#include <gtest/gtest.h>

#include "sysfs/base/log.h"
#include "tests/fuzz/taken.h"
#include "tests/support/assigned_fixture.h"

namespace test {

class GuestMachine final : public AssignedFixture {
 public:
  // A failed expectation of a fake ends the run like a failed check; the log is not wanted.
  GuestMachine() {
    testing::FLAGS_gtest_break_on_failure = true;
    base::SetLogLevel(base::Level::kError);
  }
  GuestMachine(const GuestMachine&) = delete;
  GuestMachine& operator=(const GuestMachine&) = delete;
  ~GuestMachine() override {
    testing::FLAGS_gtest_break_on_failure = false;
    base::SetLogLevel(base::Level::kInfo);
  }

  using AssignedFixture::bridge;
  using AssignedFixture::device;
  using AssignedFixture::fake;
  using AssignedFixture::fake_kvm;
  using AssignedFixture::kDevfn;
  using AssignedFixture::kernel;
  using AssignedFixture::memory;
  using AssignedFixture::ports;
  using AssignedFixture::vm;

  using AssignedFixture::Bar0;
  using AssignedFixture::Boot;
  using AssignedFixture::Config;
  using AssignedFixture::EnableMemory;
  using AssignedFixture::Open;
  using AssignedFixture::Reboot;
  using AssignedFixture::SetConfig;
  using AssignedFixture::SetMsixControl;
  using AssignedFixture::Start;

 private:
  void TestBody() override {}
};

}  // namespace test
