// The common configuration of a virtio-pci device under any accesses of its driver and its owner:
// it is the one of the model.
#include "tests/fuzz/common_model.h"
#include "tests/fuzz/input.h"

namespace {

using test::CommonModel;
using vmm::virtio::CommonConfig;

vmm::virtio::DeviceModel TakeDevice(test::Input& input) {
  vmm::virtio::DeviceModel device;
  device.features = input.ConsumeIntegral<uint16_t>();
  device.needs = {{1, input.ConsumeIntegralInRange<uint64_t>(0, 8)}, {2, 1}};
  device.packed = input.ConsumeBool();
  for (auto count = input.ConsumeIntegralInRange(0, 3); count > 0; --count) {
    device.queue_sizes.push_back(input.PickValueInArray<uint16_t>({1, 16, 255, 1024}));
  }
  return device;
}

// What means something to one register or another, or anything.
uint64_t TakeValue(test::Input& input, const CommonModel& model) {
  switch (input.ConsumeIntegralInRange(0, 6)) {
    case 0:
      return input.ConsumeIntegralInRange<uint64_t>(0, 4);
    case 1:
      return 1;
    case 2:
      return input.PickValueInArray<uint64_t>({1, 3, 11, 15, 0x7f, 0xff});
    case 3:
      return uint64_t{1} << input.ConsumeIntegralInRange(0, 63);
    case 4:
      return input.ConsumeBool() ? model.offered() >> 32 : model.offered() & 0xffffffff;
    default:
      return input.ConsumeIntegral<uint64_t>();
  }
}

void Write(CommonConfig& registers, CommonModel& model, CommonModel::Register one, uint64_t value) {
  const auto effect = registers.Write(one.at, one.width, value);
  test::Check(effect == model.Write(one.at, one.width, value), "a write tells what is to be done");
  if (effect.kind != CommonModel::Effect::Kind::kReset) return;
  registers.Reset();
  model.Reset();
  test::Check(registers.device_status() == 0, "a reset clears the status");
}

void DriverWrites(test::Input& input, CommonConfig& registers, CommonModel& model) {
  CommonModel::Register one = input.PickValueInArray(CommonModel::kRegisters);
  if (input.ConsumeIntegralInRange(0, 3) == 0) {
    one = {input.ConsumeIntegralInRange<uint64_t>(0, 80), test::TakeWidth(input)};
  }
  Write(registers, model, one, TakeValue(input, model) & vmm::AllOnes(one.width));
}

// As drivers do it, so that many inputs come to the states behind it.
void Negotiate(test::Input& input, CommonConfig& registers, CommonModel& model) {
  const uint64_t without = uint64_t{1} << input.ConsumeIntegralInRange(0, 63);
  const uint64_t features =
      model.offered() & (input.ConsumeIntegral<uint8_t>() | ~uint64_t{0xff}) & ~without;
  const CommonModel::Register select{8, vmm::Width::k4}, word{12, vmm::Width::k4};
  for (const uint64_t i : {0u, 1u}) {
    Write(registers, model, select, i);
    Write(registers, model, word, features >> (32 * i) & 0xffffffff);
  }
  if (input.ConsumeBool()) Write(registers, model, {28, vmm::Width::k2}, 1);
  Write(registers, model, {20, vmm::Width::k1}, input.ConsumeBool() ? 15 : 11);
}

void OwnerActs(test::Input& input, CommonConfig& registers, CommonModel& model) {
  const auto queue = input.ConsumeIntegralInRange<uint16_t>(0, 4);
  switch (input.ConsumeIntegralInRange(0, 5)) {
    case 0:
      registers.SetNeedsReset();
      model.SetNeedsReset();
      break;
    case 1:
      registers.NoteChange();
      model.ChangeConfig();
      break;
    case 2:
      registers.NoteConfigRead();
      model.ReadConfig();
      break;
    default:
      registers.FinishQueueReset(queue);
      model.FinishQueueReset(queue);
  }
}

void CheckReads(test::Input& input, const CommonConfig& registers, const CommonModel& model) {
  const auto image = model.Image();
  for (uint64_t at = 0; at < 64; at += 8) {
    const uint64_t word = registers.Read(at, vmm::Width::k8);
    test::Check(std::memcmp(&word, &image[at], sizeof word) == 0, "registers read as they should");
  }
  const auto at = input.ConsumeIntegralInRange<uint64_t>(0, 80);
  const vmm::Width width = test::TakeWidth(input);
  test::Check(registers.Read(at, width) == model.Read(at, width), "a read is a slice");
}

void CheckQueues(const CommonConfig& registers, const CommonModel& model) {
  for (size_t i = 0; i < model.queues().size(); ++i) {
    const vmm::virtio::QueueRegisters& is = registers.queues()[i];
    const CommonModel::Queue& should = model.queues()[i];
    const vmm::virtio::QueueSetup setup = {should.size, should.addresses[0], should.addresses[1],
                                           should.addresses[2]};
    test::Check(is.setup == setup && is.enabled == should.enabled && is.vector == should.vector,
                "a queue is what its driver has set up");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  const auto device = TakeDevice(input);
  const auto vectors = input.ConsumeIntegralInRange(1u, 4u);
  CommonConfig registers(device, vectors);
  CommonModel model(device, vectors);
  while (input.remaining_bytes() > 0) {
    switch (input.ConsumeIntegralInRange(0, 7)) {
      case 0:
        OwnerActs(input, registers, model);
        break;
      case 1:
        Negotiate(input, registers, model);
        break;
      default:
        DriverWrites(input, registers, model);
    }
    CheckReads(input, registers, model);
    CheckQueues(registers, model);
    test::Check(registers.features() == model.features(), "features are the driver's");
  }
  return 0;
}
