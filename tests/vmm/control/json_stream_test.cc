#include "vmm/control/json_stream.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace vmm::control {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(JsonStream, CutsObjectsWhereverTheBytesAreSplit) {
  const std::string text = "\r\n {\"a\": \"}\\\"{\"}\n{\"b\":[{}]}{} ";
  for (size_t step = 1; step <= text.size(); ++step) {
    JsonStream stream;
    std::vector<std::string> objects;
    for (size_t at = 0; at < text.size(); at += step) {
      EXPECT_THAT(stream.Feed(std::string_view(text).substr(at, step), objects), IsOk());
    }
    EXPECT_THAT(objects, ElementsAre("{\"a\": \"}\\\"{\"}", "{\"b\":[{}]}", "{}")) << step;
  }
}

TEST(JsonStream, AnObjectThatIsNotCompleteIsKept) {
  JsonStream stream;
  std::vector<std::string> objects;
  EXPECT_THAT(stream.Feed("{\"a\": [1, 2", objects), IsOk());
  EXPECT_THAT(objects, IsEmpty());
}

TEST(JsonStream, SomethingElseThanAnObjectIsFinal) {
  for (const char* const text : {"GET / HTTP/1.1", "[1]", "\"x\"", "\xff", "}"}) {
    JsonStream stream;
    std::vector<std::string> objects;
    EXPECT_THAT(stream.Feed("{}" + std::string(text), objects),
                FailsWith(Code::kUsage, HasSubstr("not a JSON object")));
    EXPECT_THAT(objects, ElementsAre("{}"));
    EXPECT_THAT(stream.Feed("{}", objects), IsOk());
    EXPECT_THAT(objects, ElementsAre("{}"));
  }
}

TEST(JsonStream, ALongMessageIsRefusedBeforeItEnds) {
  JsonStream stream;
  std::vector<std::string> objects;
  const std::string longest = "{\"a\":\"" + std::string(JsonStream::kMaxMessage - 8, 'x') + "\"}";
  EXPECT_THAT(stream.Feed(longest, objects), IsOk());
  EXPECT_EQ(objects.size(), 1u);
  EXPECT_THAT(stream.Feed("{\"a\":\"x" + longest.substr(6), objects),
              FailsWith(Code::kUsage, HasSubstr("longer than 65536")));
  EXPECT_EQ(objects.size(), 1u);
}

TEST(JsonStream, DeepNestingIsRefused) {
  const auto nested = [](size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  JsonStream stream;
  std::vector<std::string> objects;
  EXPECT_THAT(stream.Feed(nested(JsonStream::kMaxDepth), objects), IsOk());
  EXPECT_THAT(stream.Feed(nested(JsonStream::kMaxDepth + 1), objects),
              FailsWith(Code::kUsage, HasSubstr("deeper than 32")));
  EXPECT_EQ(objects.size(), 1u);
}

}  // namespace
}  // namespace vmm::control
