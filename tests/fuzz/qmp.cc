// The monitor's input: bytes of a client in any split, framed, parsed and answered.
#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "tests/fuzz/input.h"
#include "vmm/control/registry.h"
#include "vmm/control/session.h"

namespace {

using namespace vmm::control;

std::string TakeText(test::Input& input) {
  const char* const known = input.PickValueInArray(
      {"{\"execute\": \"qmp_capabilities\"}", "{\"execute\": \"", "device_add", "device_del",
       "query-status", "\"}", "\", \"arguments\": {", "\"driver\": \"vfio-pci\"",
       ", \"host\": \"0000:08:00.0\"", ", \"addr\": \"", ", \"id\": ", "{", "}", "[", "]", "\\\"",
       "\n", "{\"pid\":1,\"socket\":\"s\",\"started\":1,\"cpus\":1,\"memory\":1}"});
  return known + input.ConsumeRandomLengthString(8);
}

void CheckReply(const std::string& reply) {
  test::Check(reply.ends_with("\r\n"), "a reply is a line");
  const Json json = Json::parse(reply, nullptr, false);
  test::Check(json.is_object(), "a reply is a JSON object");
  test::Check(json.contains("return") != json.contains("error"), "a reply is one of the two");
}

void CheckCommand(const Command& command) {
  if (const auto* const add = std::get_if<DeviceAdd>(&command)) {
    test::Check(add->id == add->host.ToString() || CheckDeviceId(add->id).has_value(),
                "an id is checked");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  std::string text;
  for (auto count = input.ConsumeIntegralInRange(0, 40); count > 0; --count)
    text += TakeText(input);
  static_cast<void>(ParseRecord("fuzz", text).has_value());

  // Whole, and in pieces: the same replies.
  const Handler handler = [](const Command& command) -> Answer<Json> {
    CheckCommand(command);
    return Json::object();
  };
  const auto say = [&](Session& session, std::string_view bytes, std::string& replies) {
    session.Feed(bytes);
    while (const auto reply = session.Next(handler)) {
      CheckReply(*reply);
      replies += *reply;
    }
  };
  Session whole, split;
  std::string all, parts;
  say(whole, text, all);
  for (std::string_view left = text; !left.empty();) {
    const auto step = input.ConsumeIntegralInRange<size_t>(1, left.size());
    say(split, left.substr(0, step), parts);
    left.remove_prefix(step);
  }
  test::Check(all == parts, "the split of the bytes means nothing");
  test::Check(whole.ended() == split.ended(), "both end alike");
  return 0;
}
