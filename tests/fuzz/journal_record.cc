// Journal records: whatever is in the file, a record is what we wrote or nothing.
#include <string>
#include <string_view>

#include "sysfs/assignment/journal.h"
#include "tests/fuzz/input.h"

namespace {

// Names as the kernel gives them: printable ASCII.
std::string TakeName(test::Input& input) {
  std::string name = input.ConsumeRandomLengthString(20);
  for (char& c : name) {
    if (c <= ' ' || c == '/' || c == 0x7f) c = 'a';
  }
  return name.empty() || name.front() == '.' ? "vfio-pci" : name;
}

std::optional<std::string> TakeOptionalName(test::Input& input) {
  return input.ConsumeBool() ? std::optional(TakeName(input)) : std::nullopt;
}

sysfs::Record TakeRecord(test::Input& input) {
  using sysfs::RecordState;
  sysfs::Record record;
  record.address = {input.ConsumeIntegral<uint32_t>(), input.ConsumeIntegral<uint8_t>(),
                    input.ConsumeIntegralInRange<uint8_t>(0, 31),
                    input.ConsumeIntegralInRange<uint8_t>(0, 7)};
  record.vendor = input.ConsumeIntegral<uint16_t>();
  record.device = input.ConsumeIntegral<uint16_t>();
  record.driver = TakeOptionalName(input);
  record.driver_override = TakeOptionalName(input);
  record.module = TakeOptionalName(input);
  record.power_control = input.PickValueInArray<const char*>({"on", "auto"});
  if (input.ConsumeBool()) record.power_control.reset();
  record.wanted = TakeName(input);
  record.state = input.PickValueInArray(
      {RecordState::kPending, RecordState::kApplied, RecordState::kRestoring});
  record.boot_id = TakeName(input);
  return record;
}

void CheckText(std::string_view text) {
  const auto parsed = sysfs::ParseRecord(text);
  if (parsed) test::Check(sysfs::FormatRecord(*parsed) == text, "a record is what we would write");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  if (input.ConsumeBool()) {
    CheckText(input.ConsumeRemainingBytesAsString());
    return 0;
  }
  const sysfs::Record record = TakeRecord(input);
  std::string text = sysfs::FormatRecord(record);
  const auto parsed = sysfs::ParseRecord(text);
  test::Check(parsed && *parsed == record, "a record comes back as it was");

  const auto at = input.ConsumeIntegralInRange<size_t>(0, text.size() - 1);
  const auto flip = input.ConsumeIntegralInRange<uint8_t>(1, 0xff);
  text[at] = static_cast<char>(text[at] ^ flip);
  test::Check(!sysfs::ParseRecord(text), "a damaged record is refused");
  CheckText(std::string_view(text).substr(0, at));
  return 0;
}
