#include "vmm/control/session.h"

#include <gmock/gmock.h>

namespace vmm::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kNegotiate = R"({"execute": "qmp_capabilities"})";

class SessionTest : public testing::Test {
 protected:
  std::vector<std::string> Say(std::string_view text) {
    session_.Feed(text);
    std::vector<std::string> replies;
    while (auto reply = session_.Next(handler_)) replies.push_back(*reply);
    return replies;
  }

  Session session_;
  std::vector<Command> done_;
  Handler handler_ = [this](const Command& command) -> Answer<Json> {
    done_.push_back(command);
    return Json::object();
  };
};

TEST_F(SessionTest, NothingIsDoneBeforeTheNegotiation) {
  EXPECT_THAT(Say(R"({"execute": "quit", "id": 1})"),
              ElementsAre(AllOf(HasSubstr("CommandNotFound"), HasSubstr("\"id\":1"))));
  EXPECT_THAT(done_, IsEmpty());
  EXPECT_FALSE(session_.negotiated());
  EXPECT_THAT(Say(kNegotiate), ElementsAre("{\"return\":{}}\r\n"));
  EXPECT_TRUE(session_.negotiated());
  EXPECT_THAT(Say(R"({"execute": "stop"})"), ElementsAre("{\"return\":{}}\r\n"));
  EXPECT_THAT(done_, ElementsAre(Command(Verb::kStop)));
}

TEST_F(SessionTest, NegotiatesOnce) {
  Say(kNegotiate);
  EXPECT_THAT(Say(kNegotiate), ElementsAre(HasSubstr("CommandNotFound")));
  EXPECT_TRUE(session_.negotiated());
}

TEST_F(SessionTest, RequestsAreAnsweredInOrder) {
  Say(kNegotiate);
  EXPECT_THAT(Say(R"({"execute":"stop","id":1}{"execute":"fly","id":2}{"id":3}{"execute":"cont"})"),
              ElementsAre(HasSubstr("\"id\":1"), HasSubstr("\"id\":2"), HasSubstr("\"id\":3"),
                          "{\"return\":{}}\r\n"));
  EXPECT_THAT(done_, ElementsAre(Command(Verb::kStop), Command(Verb::kCont)));
}

TEST_F(SessionTest, WhatIsAnsweredLaterComesFirst) {
  Say(kNegotiate);
  bool later = true;
  handler_ = [&](const Command& command) -> std::optional<Answer<Json>> {
    done_.push_back(command);
    if (std::exchange(later, false)) return std::nullopt;
    return Answer<Json>(Json::object());
  };
  EXPECT_THAT(Say(R"({"execute":"stop","id":1}{"execute":"cont","id":2})"), IsEmpty());
  EXPECT_TRUE(session_.busy());
  EXPECT_THAT(done_, ElementsAre(Command(Verb::kStop)));
  EXPECT_THAT(session_.Finish(tl::unexpected(Refusal{"GenericError", "no"})),
              AllOf(HasSubstr("\"id\":1"), HasSubstr("no")));
  EXPECT_FALSE(session_.busy());
  EXPECT_THAT(Say(""), ElementsAre(HasSubstr("\"id\":2")));
}

TEST_F(SessionTest, GarbageEndsItAfterWhatCameBefore) {
  Say(kNegotiate);
  EXPECT_THAT(Say(R"({"execute":"stop"} garbage {"execute":"quit"})"),
              ElementsAre("{\"return\":{}}\r\n", HasSubstr("not a JSON object")));
  EXPECT_TRUE(session_.ended());
  EXPECT_THAT(Say(R"({"execute":"quit"})"), IsEmpty());
  EXPECT_THAT(done_, ElementsAre(Command(Verb::kStop)));
}

}  // namespace
}  // namespace vmm::control
