#include "vmm/control/command.h"

#include <gmock/gmock.h>

#include <set>
#include <tuple>

#include "tests/support/matchers.h"
#include "vmm/control/json_stream.h"

namespace vmm::control {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

void ExpectRefused(const std::string& text, const std::string& what,
                   const std::string& error_class = "GenericError") {
  const Request request = ParseRequest(text);
  ASSERT_FALSE(request.command) << text;
  EXPECT_EQ(request.command.error().error_class, error_class) << text;
  EXPECT_THAT(request.command.error().text, HasSubstr(what)) << text;
}

Command Parsed(const std::string& text) {
  const Request request = ParseRequest(text);
  EXPECT_TRUE(request.command) << text << ": "
                               << (request.command ? "" : request.command.error().text);
  return request.command ? *request.command : Command(Verb::kQueryVersion);
}

TEST(ParseRequest, CommandsAndIds) {
  const Request request = ParseRequest(R"({"execute": "stop", "id": {"n": [1, "x"]}})");
  ASSERT_TRUE(request.command);
  EXPECT_EQ(*request.command, Command(Verb::kStop));
  EXPECT_EQ(request.id, Json({{"n", {1, "x"}}}));
  EXPECT_EQ(Parsed(R"({"execute": "system_reset", "arguments": {}})"), Command(Verb::kReset));
  EXPECT_EQ(Parsed(R"({"execute": "qmp_capabilities", "arguments": {"enable": []}})"),
            Command(Verb::kCapabilities));
}

TEST(ParseRequest, Balloon) {
  EXPECT_EQ(Parsed(R"({"execute": "balloon", "arguments": {"value": 134217728}})"),
            Command(Balloon{134217728}));
  EXPECT_EQ(Parsed(R"({"execute": "query-balloon"})"), Command(Verb::kQueryBalloon));
  ExpectRefused(R"({"execute": "balloon"})", "'value' is missing");
  for (const char* const value : {"0", "-1", "1.5", "\"1\"", "null", "[]", "1e300"}) {
    ExpectRefused(std::string(R"({"execute": "balloon", "arguments": {"value": )") + value + "}}",
                  "bytes");
  }
  ExpectRefused(R"({"execute": "balloon", "arguments": {"value": 1, "x": 2}})", "x");
}

TEST(ParseRequest, EveryNameIsACommand) {
  std::set<std::string_view> seen;
  for (const std::string_view name : CommandNames()) {
    EXPECT_TRUE(seen.insert(name).second) << name;
    const Request request = ParseRequest(Text(Json{{"execute", name}}));
    if (!request.command) {
      EXPECT_NE(request.command.error().error_class, "CommandNotFound") << name;
    }
  }
}

TEST(ParseRequest, WhatIsNoRequest) {
  ExpectRefused("{", "JSON");
  ExpectRefused("{'execute': 'stop'}", "JSON");
  ExpectRefused("{\"execute\": \"\xff\"}", "JSON");
  ExpectRefused("[]", "object");
  ExpectRefused("{}", "'execute'");
  ExpectRefused(R"({"execute": 1})", "must be a string");
  ExpectRefused(R"({"execute": "stop", "arguments": []})", "must be an object");
  ExpectRefused(R"({"execute": "stop", "exec-oob": 1})", "'exec-oob' is unexpected");
  ExpectRefused(R"({"execute": "stop", "arguments": {"now": 1}})", "'now' is unexpected");
  ExpectRefused(R"({"execute": "fly"})", "'fly'", "CommandNotFound");
  ExpectRefused(R"({"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}})", "enable");
}

TEST(ParseRequest, TheIdComesBackWithARefusal) {
  EXPECT_EQ(ParseRequest(R"({"execute": "fly", "id": 7})").id, Json(7));
}

TEST(ParseRequest, DeviceAdd) {
  const sysfs::PciAddress host{0, 8, 0, 0};
  EXPECT_EQ(Parsed(R"({"execute": "device_add", "arguments": {"driver": "vfio-pci",
                       "host": "0000:08:00.0", "id": "nic0", "bus": "port1", "addr": "0x5.1"}})"),
            Command(DeviceAdd{host, "nic0", "port1", 41, ""}));
  EXPECT_EQ(Parsed(R"({"execute": "device_add",
                       "arguments": {"driver": "vfio-pci", "host": "08:00.0"}})"),
            Command(DeviceAdd{host, "0000:08:00.0", "", {}, ""}));
  for (const auto& [name, value, rom] :
       {std::tuple("rom", "off", "off"), {"rom", "a.rom", "a.rom"}, {"romfile", "off", "./off"}}) {
    EXPECT_EQ(Parsed(std::string(R"({"execute": "device_add", "arguments":
                     {"driver": "vfio-pci", "host": "0000:08:00.0", ")") +
                     name + R"(": ")" + value + R"("}})"),
              Command(DeviceAdd{host, "0000:08:00.0", "", {}, rom}));
  }
}

TEST(ParseRequest, DeviceAddTakesAToken) {
  const std::string token = "00112233-4455-6677-8899-aabbccddeeff";
  DeviceAdd add{{0, 8, 0, 0}, "0000:08:00.0", "", {}, ""};
  add.token = *vfio::VfToken::Parse(token);
  EXPECT_EQ(Parsed(R"({"execute": "device_add", "arguments": {"driver": "vfio-pci",
                       "host": "0000:08:00.0", "vf-token": ")" +
                   token + R"("}})"),
            Command(add));
}

TEST(ParseRequest, DeviceAddTakesAPolicy) {
  const auto add = [](const std::string& policy) {
    return R"({"execute": "device_add", "arguments": {"driver": "vfio-pci", "host": "08:00.0",
              "config": ")" +
           policy + R"("}})";
  };
  DeviceAdd expected{{0, 8, 0, 0}, "0000:08:00.0", "", {}, ""};
  EXPECT_EQ(Parsed(add("standard")), Command(expected));
  expected.config = assigned::ConfigPolicy::kStrict;
  EXPECT_EQ(Parsed(add("strict")), Command(expected));
  ExpectRefused(add("lax"), "config='lax': not a policy (cure: use strict");
}

TEST(ParseRequest, DeviceAddOfAnEmulatedDevice) {
  EXPECT_EQ(Parsed(R"({"execute": "device_add", "arguments": {"driver": "virtio-blk-pci",
                       "file": "/disk,1", "readonly": true, "queues": 2, "id": "d", "bus": "port1"}})"),
            Command(EmulatedAdd{"virtio-blk-pci",
                                "d",
                                "port1",
                                {{"file", "/disk,1"}, {"queues", "2"}, {"readonly", "true"}}}));
  EXPECT_EQ(Parsed(R"({"execute": "device_add", "arguments": {"driver": "virtio-rng-pci"}})"),
            Command(EmulatedAdd{"virtio-rng-pci", "", "", {}}));
  ExpectRefused(
      R"({"execute": "device_add", "arguments": {"driver": "virtio-rng-pci", "id": "1"}})",
      "not an id");
  ExpectRefused(
      R"({"execute": "device_add", "arguments": {"driver": "virtio-blk-pci", "file": ["x"]}})",
      "'file'");
}

TEST(ParseRequest, DeviceAddRefuses) {
  const auto refused = [](const std::string& arguments, const std::string& what) {
    ExpectRefused(R"({"execute": "device_add", "arguments": {)" + arguments + "}}", what);
  };
  const std::string good = R"("driver": "vfio-pci", "host": "08:00.0")";
  refused("", "'driver' is missing");
  refused(R"("driver": "e1000")", "'e1000'");
  refused(R"("driver": "vfio-pci")", "'host' is missing");
  refused(R"("driver": "vfio-pci", "host": 8)", "expected: string");
  refused(R"("driver": "vfio-pci", "host": "eth0")", "'eth0'");
  refused(good + R"(, "id": "")", "'id' is empty");
  refused(good + R"(, "id": "0 1")", "'0 1'");
  refused(good + R"(, "addr": "20")", "'20'");
  refused(good + R"(, "addr": "1.8")", "'1.8'");
  refused(good + R"(, "addr": "1.2.3")", "'1.2.3'");
  refused(good + R"(, "rom": "a", "romfile": "b")", "mean the same");
  refused(good + R"(, "vf-token": "0011")", "UUID");
  refused(good + R"(, "rombar": "0")", "'rombar' is unexpected");
}

TEST(ParseRequest, DeviceDel) {
  EXPECT_EQ(Parsed(R"({"execute": "device_del", "arguments": {"id": "0000:08:00.0"}})"),
            Command(DeviceDel{"0000:08:00.0"}));
  const auto parsed = [](const std::string& arguments) {
    return Parsed(R"({"execute": "device_del", "arguments": {"id": "a", )" + arguments + "}}");
  };
  EXPECT_EQ(parsed(R"("force": true)"), Command(DeviceDel{"a", true}));
  EXPECT_EQ(parsed(R"("force": "false", "timeout": "5")"), Command(DeviceDel{"a", false, 5u}));
  EXPECT_EQ(parsed(R"("timeout": 86400)"), Command(DeviceDel{"a", {}, 86400u}));
  ExpectRefused(R"({"execute": "device_del"})", "'id' is missing");
  const auto refused = [](const std::string& arguments, const std::string& what) {
    ExpectRefused(R"({"execute": "device_del", "arguments": {"id": "a", )" + arguments + "}}",
                  what);
  };
  for (const char* const value : {"1", "null", R"("yes")", "[]"}) {
    refused(std::string(R"("force": )") + value, "'force' expects true or false");
  }
  for (const char* const value :
       {"0", "-1", "1.5", "86401", "true", "null", R"("")", R"("5s")", "[]"}) {
    refused(std::string(R"("timeout": )") + value, "'timeout' expects 1 to 86400 seconds");
  }
  refused(R"("force": true, "timeout": 5)", "'timeout' goes with force=false");
}

TEST(ParseRequest, BlockResize) {
  const auto parsed = [](const std::string& arguments) {
    return Parsed(R"({"execute": "block_resize", "arguments": {)" + arguments + "}}");
  };
  EXPECT_EQ(parsed(R"("device": "disk0", "size": 1048576)"),
            Command(BlockResize{"disk0", 1048576}));
  EXPECT_EQ(parsed(R"("id": "disk0", "size": "2M")"), Command(BlockResize{"disk0", 2u << 20}));
  EXPECT_EQ(parsed(R"("id": "disk0")"), Command(BlockResize{"disk0", {}}));
  const auto refused = [](const std::string& arguments, const std::string& what) {
    ExpectRefused(R"({"execute": "block_resize", "arguments": {)" + arguments + "}}", what);
  };
  refused("", "'id' is missing");
  refused(R"("id": "a", "device": "b")", "mean the same");
  for (const auto* const size : {"-1", "1.5", "true", "null", R"("")", R"("x")", "[]"}) {
    refused(std::string(R"("id": "a", "size": )") + size, "'size' expects a size");
  }
  refused(R"("id": "a", "node-name": "b")", "'node-name' is unexpected");
}

TEST(CheckDeviceId, LettersDigitsAndThreeSigns) {
  EXPECT_THAT(CheckDeviceId("nic0.a-b_C"), IsOk());
  EXPECT_THAT(CheckDeviceId(std::string(64, 'x')), IsOk());
  for (const std::string& bad : {std::string(), std::string("0nic"), std::string("a b"),
                                 std::string("a/b"), std::string(65, 'x')}) {
    EXPECT_THAT(CheckDeviceId(bad), FailsWith(Code::kUsage));
  }
}

}  // namespace
}  // namespace vmm::control
