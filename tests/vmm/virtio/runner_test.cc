#include "vmm/virtio/runner.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/support/matchers.h"
#include "tests/support/virtio_function.h"

namespace vmm::virtio {
namespace {

using test::Eventually;

// What a device's own runner was told.
struct Record {
  std::atomic<unsigned> starts{0};
  std::atomic<unsigned> pauses{0};
  std::atomic<unsigned> resumes{0};
  std::atomic<unsigned> ends{0};
  std::atomic<unsigned> rewires{0};
  std::optional<base::Fd> event;  // on the I/O thread
};

class RecordingRunner final : public Runner {
 public:
  RecordingRunner(uint16_t index, const RunnerWiring& wiring, Record& record)
      : index_(index), wiring_(&wiring), record_(&record) {}
  uint16_t index() const override { return index_; }
  base::Status Start(EventLoop&) override {
    record_->event = wiring_->event(index_);
    ++record_->starts;
    return {};
  }
  void Pause(std::function<void()> done) override {
    ++record_->pauses;
    done();
  }
  void Resume() override { ++record_->resumes; }
  void End(std::function<void()> done) override {
    ++record_->ends;
    done();
  }
  void Rewire() override {
    record_->event = wiring_->event(index_);
    ++record_->rewires;
  }

 private:
  const uint16_t index_;
  const RunnerWiring* wiring_;
  Record* record_;
};

class OwnDevice final : public Device {
 public:
  explicit OwnDevice(Record& record) : record_(&record) {
    model_.kind = {99, 0};
    model_.queue_sizes = {16, 16};
  }
  const DeviceModel& model() const override { return model_; }
  base::Status Start(uint64_t, EventLoop&) override { return {}; }
  std::unique_ptr<Runner> MakeRunner(uint16_t queue, const ActiveQueue&, const GuestRam&,
                                     const base::EventFd&, const RunnerWiring& wiring) override {
    return std::make_unique<RecordingRunner>(queue, wiring, *record_);
  }
  void Handle(Worker&, const Chain&) override { ADD_FAILURE() << "no worker is there"; }

 private:
  DeviceModel model_;
  Record* record_;
};

class RunnerTest : public test::VirtioFunction {
 protected:
  RunnerTest() { Make(std::make_unique<OwnDevice>(record_)); }
  void TearDown() override {
    VirtioFunction::TearDown();
    EXPECT_EQ(record_.starts, record_.ends);
  }
  bool Signals() {
    bool written = false;
    OnIo([&] {
      const uint64_t one = 1;
      written = record_.event && ::write(record_.event->raw(), &one, sizeof one) == sizeof one;
    });
    return written;
  }
  Record record_;
};

TEST_F(RunnerTest, ItHasTheEventOfItsVector) {
  Start({});
  ASSERT_TRUE(Eventually([&] { return record_.starts == 1; }));
  ASSERT_TRUE(Signals());
  EXPECT_TRUE(TakeInterrupt(EventOf(0x41)));
  // Another vector.
  Write(22, Width::k2, 0);
  Write(26, Width::k2, 2);
  ASSERT_TRUE(Eventually([&] { return record_.rewires == 1; }));
  ASSERT_TRUE(Signals());
  EXPECT_TRUE(TakeInterrupt(EventOf(0x42)));
  // No vector, and no messages at all.
  Write(26, Width::k2, 0xffff);
  ASSERT_TRUE(Eventually([&] { return record_.rewires == 2; }));
  EXPECT_FALSE(Signals());
  Write(26, Width::k2, 1);
  ASSERT_TRUE(Eventually([&] { return record_.rewires == 3; }));
  EXPECT_TRUE(Signals());
  function_->WriteConfig(kMsixCapability + 2, Width::k2, 0);
  ASSERT_TRUE(Eventually([&] { return record_.rewires == 4; }));
  EXPECT_FALSE(Signals());
}

TEST_F(RunnerTest, ItIsPausedAndEnded) {
  Start({});
  ASSERT_TRUE(Eventually([&] { return record_.starts == 1; }));
  SetCommand(pci::kCommandMemory);
  EXPECT_EQ(record_.pauses, 1u) << "before the guest goes on";
  SetCommand(pci::kCommandMemory | pci::kCommandMaster);
  ASSERT_TRUE(Eventually([&] { return record_.resumes == 1; }));
  SetStatus(0);
  EXPECT_EQ(record_.ends, 1u);
  Start({});
  EXPECT_TRUE(Eventually([&] { return record_.starts == 2; }));
}

}  // namespace
}  // namespace vmm::virtio
