// A guest with one assigned device, for targets that play the guest: the fakes of the unit tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <tuple>

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

  // The hardware as it is now, for Renew.
  void Keep() { kept_ = fake.Config(0, kConfigBytes); }
  // A reboot, with the hardware's configuration space as it was kept.
  void Renew() {
    bridge->Disconnect();
    fake.SetConfigBytes(0, kept_);
    kernel.ClearJournal();
    fake.ClearIrqCalls();
    fake_kvm.ClearCalls();
    Reboot();
  }
  // What a guest finds in the first `size` bytes of the configuration space.
  std::vector<uint32_t> Seen(size_t size) {
    std::vector<uint32_t> words;
    for (unsigned at = 0; at < size; at += 4) words.push_back(Config(at));
    return words;
  }

  static constexpr size_t kConfigBytes = sysfs::kExtendedConfigSize;

 private:
  void TestBody() override {}

  std::vector<std::byte> kept_;
};

// Machines that are made once, each for many inputs: to make one takes longer than to play a short
// input. Each input begins with a reboot, after which a guest finds what it found at first. An
// input that fails only after others is met again by the same run, not alone.
class Machines {
 public:
  using Describe = void (*)(FakeVfioDevice& fake, const EndpointOptions& options);

  explicit Machines(Describe describe = MakeEndpoint) : describe_(describe) {}

  GuestMachine& Boot(const EndpointOptions& options = {}) {
    Kept& kept = machines_[{options.msix_vectors, options.no_resize, options.msix_mappable,
                            options.intx, options.policy}];
    if (!kept.machine) {
      kept.machine = std::make_unique<GuestMachine>();
      describe_(kept.machine->fake, options);
      kept.machine->Open(options.policy);
      kept.machine->Keep();
      kept.machine->Boot();
      kept.seen = kept.machine->Seen(GuestMachine::kConfigBytes);
      return *kept.machine;
    }
    kept.machine->Renew();
    // All of it takes as long as many a game.
    const size_t size = ++boots_ % 64 == 0 ? GuestMachine::kConfigBytes : 0x40;
    const std::vector<uint32_t> seen = kept.machine->Seen(size);
    Check(std::equal(seen.begin(), seen.end(), kept.seen.begin()), "a reboot leaves no trace");
    return *kept.machine;
  }

 private:
  struct Kept {
    std::unique_ptr<GuestMachine> machine;
    std::vector<uint32_t> seen;
  };
  using Kind = std::tuple<unsigned, bool, bool, bool, vmm::assigned::ConfigPolicy>;

  const Describe describe_;
  std::map<Kind, Kept> machines_;
  size_t boots_ = 0;
};

}  // namespace test
