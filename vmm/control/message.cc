#include "vmm/control/message.h"

#include "sysfs/base/text.h"

namespace vmm::control {
namespace {

int Number(std::string_view text) {
  return static_cast<int>(base::ParseDecimal(text, 100'000).value_or(0));
}

std::string_view CauseName(Cause cause) {
  switch (cause) {
    case Cause::kGuestShutdown:
      return "guest-shutdown";
    case Cause::kGuestReset:
      return "guest-reset";
    case Cause::kQuit:
      return "host-qmp-quit";
    case Cause::kSystemReset:
      return "host-qmp-system-reset";
    case Cause::kSignal:
      return "host-signal";
    case Cause::kUser:
      return "host-ui";
    case Cause::kError:
      return "host-error";
  }
  return "none";
}

}  // namespace

Json Version() {
  const auto parts = base::Split(VASSIGN_VERSION, '.');
  const auto part = [&](size_t index) { return index < parts.size() ? Number(parts[index]) : 0; };
  return {{"qemu", {{"major", part(0)}, {"minor", part(1)}, {"micro", part(2)}}},
          {"package", "vmm (vassign " VASSIGN_VERSION ")"}};
}

std::string Greeting() {
  const Json greeting = {{"QMP", {{"version", Version()}, {"capabilities", Json::array()}}}};
  return Text(greeting) + "\r\n";
}

std::string ReplyText(const std::optional<Json>& id, const Answer<Json>& answer) {
  Json reply = Json::object();
  if (answer) {
    reply["return"] = *answer;
  } else {
    reply["error"] = {{"class", answer.error().error_class}, {"desc", answer.error().text}};
  }
  if (id) reply["id"] = *id;
  return Text(reply) + "\r\n";
}

std::string EventText(std::string_view name, const Json& data,
                      std::chrono::system_clock::time_point time) {
  constexpr int64_t kSecond = 1'000'000;
  const int64_t count =
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  Json event = {
      {"event", name},
      {"timestamp", {{"seconds", count / kSecond}, {"microseconds", count % kSecond}}},
  };
  if (!data.is_null()) event["data"] = data;
  return Text(event) + "\r\n";
}

Json CauseData(Cause cause) {
  const bool guest = cause == Cause::kGuestShutdown || cause == Cause::kGuestReset;
  return {{"guest", guest}, {"reason", CauseName(cause)}};
}

Json DeviceData(const std::string& id) {
  return {{"device", id}, {"path", "/machine/peripheral/" + id}};
}

Json DeviceDeletedData(const std::string& id, bool forced) {
  Json data = DeviceData(id);
  data["forced"] = forced;
  return data;
}

}  // namespace vmm::control
