// `vmm ps` and `vmm ctl`, and the new options of `vmm run`.
#include <fcntl.h>
#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "cli/machines/ctl_command.h"
#include "cli/machines/machine_options.h"
#include "cli/machines/pci_text.h"
#include "cli/machines/ps_command.h"
#include "cli/vmm.h"
#include "tests/cli/machines/fake_monitor.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/recorded_host.h"
#include "vmm/control/message.h"

namespace cli {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using vmm::control::Answer;
using vmm::control::Command;
using vmm::control::Refusal;
using vmm::control::Verb;
using MonitorJson = vmm::control::Json;

const char* const kBuses = R"([{"bus": 0, "devices": [
  {"bus": 0, "slot": 0, "function": 0, "qdev_id": "", "regions": [],
   "class_info": {"class": 1536, "desc": "Host bridge"}, "id": {"vendor": 6966, "device": 8}},
  {"bus": 0, "slot": 1, "function": 0, "qdev_id": "nic0",
   "class_info": {"class": 264, "desc": "NVMe controller"}, "id": {"vendor": 6966, "device": 16},
   "regions": [{"bar": 0, "type": "memory", "address": 4096, "size": 16384},
               {"bar": 4, "type": "io", "address": -1, "size": 1024}]}]}])";

class Machines : public testing::Test {
 protected:
  int Run(std::vector<const char*> words) {
    out_.str("");
    err_.str("");
    cli::Context context(test::LoadHost("host.txt"), out_, err_);
    context.machines = folder_;
    words.insert(words.begin(), "vmm");
    return RunVmm(static_cast<int>(words.size()), words.data(), context);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }
  void Start() {
    monitor_.emplace(folder_, [this](const Command& command) { return Handle(command); });
  }
  Answer<MonitorJson> Handle(const Command& command) {
    if (const auto* const remove = std::get_if<vmm::control::DeviceDel>(&command)) {
      const char* const event = remove->id == "deaf"   ? "DEVICE_UNPLUG_GUEST_ERROR"
                                : remove->id == "nic0" ? "DEVICE_DELETED"
                                                       : nullptr;
      if (event != nullptr) {
        monitor_->loop().Post([this, event, id = remove->id] {
          monitor_->server().Announce(event, vmm::control::DeviceData("other"));
          monitor_->server().Announce(event, vmm::control::DeviceData(id));
        });
        return MonitorJson::object();
      }
      return tl::unexpected(Refusal{"DeviceNotFound", "no such device"});
    }
    if (std::holds_alternative<vmm::control::DeviceAdd>(command)) {
      return tl::unexpected(Refusal{"GenericError", "no free port"});
    }
    switch (std::get<Verb>(command)) {
      case Verb::kQueryStatus:
        return MonitorJson{{"running", false}, {"status", "paused"}};
      case Verb::kQueryPci:
        return MonitorJson::parse(kBuses);
      case Verb::kStop:
        monitor_->server().Announce("STOP", {});  // before the reply: not taken for it
        break;
      case Verb::kQuit:
        monitor_->CloseSoon();
        break;
      default:
        break;
    }
    return MonitorJson::object();
  }

  test::TempFolder above_;
  const std::string folder_ = above_.path() + "/vassign/vmm";
  std::ostringstream out_, err_;
  std::optional<test::FakeMonitor> monitor_;
};

TEST_F(Machines, NoneIsNoError) {
  EXPECT_EQ(Run({"ps"}), 0);
  EXPECT_EQ(out(), "no machine with a name runs\n");
  EXPECT_EQ(Run({"ps", "--json"}), 0);
  EXPECT_EQ(Json::parse(out()), Json::parse(R"({"schema": "vmm.ps/1", "machines": []})"));
}

TEST_F(Machines, PsShowsWhatRuns) {
  Start();
  EXPECT_EQ(Run({"ps"}), 0) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("NAME  PID   STATE   CPUS  MEMORY   DEVICES  UPTIME"),
                           HasSubstr("one   4711  paused  2     512 MiB  nic0     0:0")));
  EXPECT_EQ(Run({"ps", "--json"}), 0);
  const Json one = Json::parse(out())["machines"][0];
  EXPECT_EQ(one["name"], "one");
  EXPECT_EQ(one["memory"], 512 << 20);
  EXPECT_EQ(one["devices"], Json::array({"nic0"}));
}

TEST_F(Machines, CtlDoesOneThing) {
  Start();
  EXPECT_EQ(Run({"ctl", "one", "status"}), 0) << err();
  EXPECT_EQ(out(), "paused\n");
  EXPECT_EQ(Run({"ctl", "one", "status", "--json"}), 0);
  EXPECT_EQ(Json::parse(out())["status"], "paused");
  EXPECT_EQ(Run({"ctl", "one", "pause"}), 0) << err();
  EXPECT_EQ(out(), "");
  EXPECT_EQ(Run({"ctl", "one", "pci"}), 0);
  EXPECT_THAT(out(), AllOf(HasSubstr("00:01.0  nic0"), HasSubstr("1b36:0010"),
                           HasSubstr("0:0x1000 (16 KiB), 4:off (1 KiB)")));
}

TEST_F(Machines, CtlByThePathOfTheSocket) {
  Start();
  EXPECT_EQ(Run({"ctl", (folder_ + "/one.sock").c_str(), "status"}), 0) << err();
  EXPECT_EQ(Run({"ctl", (folder_ + "/two.sock").c_str(), "status"}), 3);
}

TEST_F(Machines, RawQmp) {
  Start();
  EXPECT_EQ(Run({"ctl", "one", "qmp", R"({"execute": "query-status", "id": 5})"}), 0) << err();
  EXPECT_EQ(Json::parse(out())["id"], 5);
  EXPECT_EQ(Run({"ctl", "one", "qmp", R"({"execute": "fly"})"}), 7);
  EXPECT_THAT(out(), HasSubstr("CommandNotFound"));
  EXPECT_EQ(Run({"ctl", "one", "qmp", "fly"}), 2);
  EXPECT_EQ(Run({"ctl", "one", "qmp"}), 2);
}

TEST_F(Machines, RefusalsHaveTheirStatus) {
  Start();
  EXPECT_EQ(Run({"ctl", "one", "device-add", "host=08:00.0"}), 7);
  EXPECT_EQ(err(), "vmm: one: no free port\n");
  EXPECT_EQ(Run({"ctl", "one", "device-del", "id=x"}), 3);
  EXPECT_EQ(Run({"ctl", "two", "status"}), 3);
  EXPECT_THAT(err(), AllOf(HasSubstr("two: no machine"), HasSubstr("there are: one")));
  EXPECT_EQ(Run({"ctl", "a b", "status"}), 2);
  EXPECT_EQ(Run({"ctl", "one", "status", "--timeout", "0"}), 2);
}

TEST_F(Machines, WhatTheGuestKeepsIsNotGone) {
  Start();
  EXPECT_EQ(Run({"ctl", "one", "device-del", "id=nic0", "force=false"}), 0) << err();
  EXPECT_EQ(Run({"ctl", "one", "device-del", "id=deaf", "force=false", "timeout=60"}), 8);
  EXPECT_THAT(err(), HasSubstr("one: the guest did not let go of deaf in time, and keeps it"));
  // Somebody else's request may have failed: this one ends otherwise.
  EXPECT_EQ(Run({"ctl", "one", "device-del", "id=deaf", "timeout=1", "--timeout", "1"}), 8);
  EXPECT_THAT(err(), HasSubstr("did not answer"));
}

TEST_F(Machines, QuitWaitsForTheEnd) {
  Start();
  EXPECT_EQ(Run({"ctl", "one", "quit"}), 0) << err();
}

TEST_F(Machines, AMachineThatDoesNotEndInTime) {
  Start();
  EXPECT_EQ(Run({"ctl", "one", "powerdown", "--wait", "--timeout", "1"}), 8);
}

TEST_F(Machines, AMachineThatDoesNotAnswer) {
  const auto path = vmm::control::SocketOf(folder_, "one");
  const auto claim = vmm::control::NameClaim::Take(folder_, {"one", 4711, path, 0, 1, 4096});
  ASSERT_THAT(claim, IsOk());
  const auto socket = vmm::control::ListeningSocket::Create(path);
  ASSERT_THAT(socket, IsOk());
  EXPECT_EQ(Run({"ctl", "one", "status", "--timeout", "1"}), 8);
  EXPECT_THAT(err(), HasSubstr("one: did not answer"));
  EXPECT_EQ(Run({"ps"}), 0);
  EXPECT_THAT(out(), HasSubstr("no answer"));
}

TEST(ControlRequest, VerbsBecomeCommands) {
  const auto pause = MakeControlRequest("pause", {});
  ASSERT_THAT(pause, IsOk());
  EXPECT_EQ(pause->command, "stop");
  EXPECT_TRUE(pause->arguments.is_null());
  const auto add = MakeControlRequest("device-add", {"host=08:00.0", "id=a=b"});
  ASSERT_THAT(add, IsOk());
  EXPECT_EQ(add->arguments,
            MonitorJson::parse(R"({"driver": "vfio-pci", "host": "08:00.0", "id": "a=b"})"));
}

TEST(ControlRequest, Mistakes) {
  const auto verb = MakeControlRequest("resum", {});
  ASSERT_THAT(verb, FailsWith(Code::kUsage, HasSubstr("'resum'")));
  EXPECT_EQ(verb.error().hint(), "did you mean resume?");
  EXPECT_THAT(MakeControlRequest("pause", {"x=1"}), FailsWith(Code::kUsage));
  EXPECT_THAT(MakeControlRequest("device-del", {"nic0"}),
              FailsWith(Code::kUsage, HasSubstr("NAME=VALUE")));
  EXPECT_THAT(MakeControlRequest("device-del", {"=x"}), FailsWith(Code::kUsage));
}

TEST(PciText, RepliesWithoutSenseAreLess) {
  for (const char* const text : {"null", "7", "[]", "[7]", R"([{"devices": 7}])",
                                 R"([{"devices": [7, {"id": [], "qdev_id": 1, "regions": 5}]}])"}) {
    EXPECT_THAT(DeviceIds(MonitorJson::parse(text)), IsEmpty()) << text;
    PciText(MonitorJson::parse(text), 80, false);
  }
  EXPECT_THAT(DeviceIds(MonitorJson::parse(kBuses)), ElementsAre("nic0"));
}

TEST(PciText, TellsWhereAStandbysPrimaryIs) {
  const auto text = [](const std::string& state) {
    return PciText(MonitorJson::parse(R"([{"devices": [{"qdev_id": "net0",
      "standby": {"primary": "vf0", "state": ")" +
                                      state + R"("}}]}])"),
                   80, false);
  };
  EXPECT_THAT(text("hidden"), HasSubstr("net0: stands by for vf0, which is hidden until"));
  EXPECT_THAT(text("plugged"), HasSubstr("which the guest has"));
  EXPECT_THAT(text("absent"), HasSubstr("device-add"));
}

TEST(Uptime, ReadsLikeAClock) {
  EXPECT_EQ(UptimeText(0), "0:00");
  EXPECT_EQ(UptimeText(307), "5:07");
  EXPECT_EQ(UptimeText(3600), "1:00:00");
  EXPECT_EQ(UptimeText(2 * 86400 + 3 * 3600 + 5), "2d 03:00:05");
}

base::Result<vmm::Options> Options(const RunArguments& arguments) {
  return MakeOptions(*test::LoadHost("host.txt"), arguments);
}

TEST(RunOptions, NameMonitorAndIds) {
  RunArguments arguments;
  arguments.name = "db-1";
  arguments.monitor = "/run/db";
  arguments.assign = {"08:00.0,id=nic0,addr=05.0"};
  const auto options = Options(arguments);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->name, "db-1");
  EXPECT_EQ(options->monitor, "/run/db");
  EXPECT_EQ(options->assign[0].id, "nic0");
  EXPECT_EQ(options->assign[0].guest_slot, 5);
}

TEST(RunOptions, PagesOfMemory) {
  RunArguments arguments;
  arguments.memory = "2G,pages=1G";
  const auto options = Options(arguments);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->memory_bytes, uint64_t{2} << 30);
  EXPECT_EQ(options->pages, vmm::Pages::kHuge1G);
  for (const auto& [text, message] :
       std::map<std::string, std::string>{{"1G,pages=4K", "pages=4K: not a kind of pages"},
                                          {"1G,pages=", "not a kind of pages"},
                                          {"1G,share", "unknown option \"share\""},
                                          {"1G,", "unknown option \"\""},
                                          {",pages=2M", "not a size"},
                                          {"1X", "not a size"}}) {
    arguments.memory = text;
    EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage, HasSubstr(message))) << text;
  }
}

TEST(RunOptions, WhereTheConsoleIs) {
  RunArguments arguments;
  const auto made = [&](std::optional<std::string> text) {
    arguments.console = std::move(text);
    const auto options = Options(arguments);
    EXPECT_THAT(options, IsOk());
    return options ? std::pair(options->virtio_console, options->console)
                   : std::pair(false, std::string("?"));
  };
  EXPECT_EQ(made(std::nullopt), std::pair(false, std::string()));
  EXPECT_EQ(made("file,a"), std::pair(false, std::string("file,a")));
  EXPECT_EQ(made("./virtio"), std::pair(false, std::string("./virtio")));
  EXPECT_EQ(made("virtio.log"), std::pair(false, std::string("virtio.log")));
  EXPECT_EQ(made("virtio"), std::pair(true, std::string()));
  EXPECT_EQ(made("virtio,file=a=b"), std::pair(true, std::string("a=b")));
}

TEST(RunOptions, BadNamesMonitorsAndIds) {
  RunArguments arguments;
  arguments.name = "";
  EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage, HasSubstr("not a name")));
  arguments.name = "a/b";
  EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage, HasSubstr("'a/b'")));
  arguments.name.reset();
  arguments.monitor = "";
  EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage));
  arguments.monitor = std::string(200, 'x');
  EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage, HasSubstr("107")));
  arguments.monitor.reset();
  arguments.assign = {"08:00.0,id="};
  EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage, HasSubstr("not an id")));
}

class RunDescriptors : public testing::Test {
 protected:
  RunDescriptors() {
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDevice({.driver = "vfio-pci", .group = 14});
  }
  // A descriptor that sysfs says to be this.
  std::string Fd(const char* target) {
    tree_.AddLink("/sys/dev/char/1:3", target);
    return "fd=" + std::to_string(null_.raw());
  }
  base::Result<vmm::Options> Make(const std::string& assign, const std::string& dma = "auto") {
    RunArguments arguments;
    arguments.dma = dma;
    if (!assign.empty()) arguments.assign = {assign};
    return MakeOptions(tree_, arguments);
  }
  test::FakeTree tree_;
  base::Fd null_{::open("/dev/null", O_RDWR | O_CLOEXEC)};
};

TEST_F(RunDescriptors, ADeviceFileMeansItsDeviceAndIommufd) {
  const auto options =
      Make(Fd("../../devices/pci0000:00/0000:08:00.0/vfio-dev/vfio0") + ",addr=05.0");
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->assign[0].host, (sysfs::PciAddress{0, 8, 0, 0}));
  EXPECT_EQ(options->assign[0].guest_slot, 5);
  EXPECT_EQ(options->handed_over.at(0).number, null_.raw());
  EXPECT_EQ(options->dma, vfio::Backend::kIommufd);
}

TEST_F(RunDescriptors, AGroupMeansType1) {
  const std::string fd = Fd("../../devices/virtual/vfio/14");
  EXPECT_EQ(Make(fd)->dma, vfio::Backend::kType1);
  EXPECT_EQ(Make(fd + ",host=08:00.0")->assign[0].host, (sysfs::PciAddress{0, 8, 0, 0}));
  EXPECT_THAT(Make(fd, "iommufd"), FailsWith(Code::kUsage, HasSubstr("does not go with")));
  EXPECT_THAT(Make("", fd), FailsWith(Code::kUsage, HasSubstr("a device's")));
}

TEST_F(RunDescriptors, TheOneOfTheDmaSpace) {
  EXPECT_EQ(Make("", Fd("../../devices/virtual/misc/iommu"))->dma, vfio::Backend::kIommufd);
  EXPECT_EQ(Make("", Fd("../../devices/virtual/misc/vfio"))->dma, vfio::Backend::kType1);
  EXPECT_THAT(Make(Fd("../../devices/virtual/misc/vfio")), FailsWith(Code::kUsage));
}

TEST_F(RunDescriptors, Mistakes) {
  for (const char* const text : {"fd=", "fd=x", "fd=-1", "fd=99999999999", "fd=987"}) {
    EXPECT_THAT(Make(text), FailsWith(Code::kUsage, HasSubstr(text))) << text;
    EXPECT_THAT(Make("", text), FailsWith(Code::kUsage, HasSubstr(text))) << text;
  }
  EXPECT_THAT(Make("08:00.0,host=08:00.0"), FailsWith(Code::kUsage, HasSubstr("host=08:00.0")));
}

TEST(RunOptions, AToken) {
  RunArguments arguments;
  arguments.assign = {"08:00.0,token=00112233-4455-6677-8899-aabbccddeeff"};
  const auto options = Options(arguments);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->assign[0].vf_token->ToString(), "00112233-4455-6677-8899-aabbccddeeff");
  arguments.assign = {"08:00.0,token=1"};
  EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage, HasSubstr("token=1: not a UUID")));
}

TEST(RunOptions, NoSubOptionTwice) {
  RunArguments arguments;
  arguments.assign = {"08:00.0,id=a,id=b"};
  EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage, HasSubstr("id= is given twice")));
  arguments.assign = {"08:00.0,"};
  EXPECT_THAT(Options(arguments), FailsWith(Code::kUsage, HasSubstr("unknown option")));
}

}  // namespace
}  // namespace cli
