#include "vmm/control/message.h"

#include <gmock/gmock.h>

namespace vmm::control {
namespace {

Json Line(const std::string& text) {
  EXPECT_TRUE(text.ends_with("\r\n"));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  return Json::parse(text, nullptr, false);
}

TEST(Message, TheGreetingIsWhatClientsLookFor) {
  const Json greeting = Line(Greeting());
  EXPECT_TRUE(greeting["QMP"]["version"]["qemu"]["major"].is_number());
  EXPECT_EQ(greeting["QMP"]["capabilities"], Json::array());
}

TEST(Message, RepliesCarryTheId) {
  EXPECT_EQ(Line(ReplyText(Json("x"), Json::object())),
            Json::parse(R"({"return": {}, "id": "x"})"));
  EXPECT_EQ(Line(ReplyText({}, tl::unexpected(Refusal{"DeviceNotFound", "gone"}))),
            Json::parse(R"({"error": {"class": "DeviceNotFound", "desc": "gone"}})"));
}

TEST(Message, TextThatIsNoUtf8StaysJson) {
  const Json reply = Line(ReplyText({}, tl::unexpected(Refusal{"GenericError", "\xff\n"})));
  EXPECT_EQ(reply["error"]["desc"], "\xef\xbf\xbd\n");
}

TEST(Message, EventsHaveATime) {
  const auto time = std::chrono::system_clock::time_point(std::chrono::microseconds(5'000'007));
  EXPECT_EQ(Line(EventText("STOP", {}, time)),
            Json::parse(R"({"event": "STOP", "timestamp": {"seconds": 5, "microseconds": 7}})"));
  EXPECT_EQ(Line(EventText("RESET", CauseData(Cause::kSystemReset), time))["data"],
            Json::parse(R"({"guest": false, "reason": "host-qmp-system-reset"})"));
}

TEST(Message, CausesAreQemus) {
  EXPECT_EQ(CauseData(Cause::kGuestShutdown),
            Json::parse(R"({"guest": true, "reason": "guest-shutdown"})"));
  EXPECT_EQ(CauseData(Cause::kGuestReset)["reason"], "guest-reset");
  EXPECT_EQ(CauseData(Cause::kQuit)["reason"], "host-qmp-quit");
  EXPECT_EQ(CauseData(Cause::kSignal)["reason"], "host-signal");
  EXPECT_EQ(CauseData(Cause::kUser)["reason"], "host-ui");
  EXPECT_EQ(CauseData(Cause::kError), Json::parse(R"({"guest": false, "reason": "host-error"})"));
  EXPECT_EQ(DeviceData("nic0"),
            Json::parse(R"({"device": "nic0", "path": "/machine/peripheral/nic0"})"));
  EXPECT_EQ(
      DeviceDeletedData("nic0", true),
      Json::parse(R"({"device": "nic0", "path": "/machine/peripheral/nic0", "forced": true})"));
}

}  // namespace
}  // namespace vmm::control
