// Every wrong value of every option of `vmm run`: status 2 and a text that names it, before
// anything is looked at or touched.
#include <gmock/gmock.h>

#include <sstream>
#include <string>
#include <vector>

#include "cli/vmm.h"
#include "tests/support/recorded_host.h"

namespace cli {
namespace {

using testing::HasSubstr;

struct Wrong {
  std::vector<std::string> words;
  std::string named;  // in the message
};

void PrintTo(const Wrong& wrong, std::ostream* out) { *out << testing::PrintToString(wrong.words); }

class BadInput : public testing::TestWithParam<Wrong> {};

TEST_P(BadInput, IsUsageAndNamed) {
  std::ostringstream out, err;
  Context context(test::LoadHost("host.txt"), out, err);
  std::vector<const char*> words = {"vmm", "run"};
  for (const std::string& word : GetParam().words) words.push_back(word.c_str());
  EXPECT_EQ(RunVmm(static_cast<int>(words.size()), words.data(), context), 2);
  EXPECT_THAT(err.str(), HasSubstr(GetParam().named));
  EXPECT_EQ(out.str(), "");
}

std::vector<Wrong> Values(const std::string& option, const std::vector<std::string>& values) {
  std::vector<Wrong> all;
  for (const std::string& value : values) all.push_back({{option, value}, option});
  // Once is enough.
  all.push_back({{option, "1", option, "2"}, option});
  return all;
}

std::vector<Wrong> Assigned(const std::vector<std::string>& values) {
  std::vector<Wrong> all;
  for (const std::string& value : values)
    all.push_back({{"--assign", "08:00.0," + value}, value.substr(0, value.find_first_of("=,"))});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Cpus, BadInput,
                         testing::ValuesIn(Values("--cpus", {"", "0", "33", "x", "1.5", "0x2 "})));
INSTANTIATE_TEST_SUITE_P(Memory, BadInput,
                         testing::ValuesIn(Values("--memory",
                                                  {"", "0", "G", "12Q", "1.5G", "4095", "1 G",
                                                   "1G,mergeable=1", "1G,mergeable,pages=2M",
                                                   "1G,pages=1G,mergeable", "99999999999999999999",
                                                   "18446744073709551615G"})));
INSTANTIATE_TEST_SUITE_P(Hotplug, BadInput,
                         testing::ValuesIn(Values("--hotplug", {"", "31", "x", "99999999999"})));
INSTANTIATE_TEST_SUITE_P(Dma, BadInput, testing::ValuesIn(Values("--dma", {"", "vfio", "Type1"})));
INSTANTIATE_TEST_SUITE_P(Kernel, BadInput, testing::ValuesIn(Values("--kernel", {""})));
INSTANTIATE_TEST_SUITE_P(Initrd, BadInput, testing::ValuesIn(Values("--initrd", {""})));
INSTANTIATE_TEST_SUITE_P(Console, BadInput,
                         testing::ValuesIn(Values("--console",
                                                  {"", "virtio,", "virtio,file=", "virtio,file",
                                                   "virtio,file=a,file=b", "virtio,a",
                                                   "virtio,file=a,b"})));
INSTANTIATE_TEST_SUITE_P(Seccomp, BadInput,
                         testing::ValuesIn(Values("--seccomp", {"", "yes", "ON"})));
INSTANTIATE_TEST_SUITE_P(Names, BadInput,
                         testing::Values(Wrong{{"--name", ""}, "not a name"},
                                         Wrong{{"--name", "a/b"}, "a/b"},
                                         Wrong{{"--name", ".."}, ".."},
                                         Wrong{{"--name", std::string(200, 'x')}, "not a name"},
                                         Wrong{{"--monitor", ""}, "1 to 107 bytes"},
                                         Wrong{{"--monitor", std::string(200, 'x')}, "107"}));
INSTANTIATE_TEST_SUITE_P(Descriptors, BadInput,
                         testing::Values(Wrong{{"--assign", "fd="}, "fd="},
                                         Wrong{{"--assign", "fd=x"}, "fd=x"},
                                         Wrong{{"--assign", "fd=987"}, "no such open descriptor"},
                                         Wrong{{"--dma", "fd="}, "fd="},
                                         Wrong{{"--dma", "fd=987"}, "no such open descriptor"}));
INSTANTIATE_TEST_SUITE_P(
    Disks, BadInput,
    testing::Values(
        Wrong{{"--disk", ""}, "--disk"}, Wrong{{"--disk"}, "--disk"},
        Wrong{{"--disk", ",readonly"}, "name is empty"}, Wrong{{"--disk", "d,bogus"}, "bogus"},
        Wrong{{"--disk", "d,"}, "unknown option"}, Wrong{{"--disk", "d,readonly=1"}, "readonly=1"},
        Wrong{{"--disk", "d,readonly,readonly"}, "readonly is given twice"},
        Wrong{{"--disk", "d,cache="}, "cache="}, Wrong{{"--disk", "d,cache=fast"}, "fast"},
        Wrong{{"--disk", "d,cache=none,cache=none"}, "cache is given twice"},
        Wrong{{"--disk", "d,serial="}, "serial="}, Wrong{{"--disk", "d,serial=a b"}, "serial="},
        Wrong{{"--disk", "d,serial=123456789012345678901"}, "20"},
        Wrong{{"--disk", "d,queues=0"}, "queues=0"}, Wrong{{"--disk", "d,queues=17"}, "queues=17"},
        Wrong{{"--disk", "d,queues=x"}, "queues=x"}, Wrong{{"--disk", "d,packed=x"}, "packed=x"},
        Wrong{{"--disk", "d,packed"}, "packed"}, Wrong{{"--net", "tap,packed=x"}, "packed=x"},
        Wrong{{"--net", "tap,packed=on,vhost=on"}, "knows split queues alone"},
        Wrong{{"--disk", "d,format=qcow2"}, "qcow2"}, Wrong{{"--disk", "d,iops=0"}, "iops=0"},
        Wrong{{"--disk", "d,iops="}, "iops="},
        Wrong{{"--disk", "d,iops=10000001"}, "iops=10000001"},
        Wrong{{"--disk", "d,iops=1,iops=2"}, "iops is given twice"},
        Wrong{{"--disk", "d,bps=0"}, "bps="}, Wrong{{"--disk", "d,bps=511"}, "bps="},
        Wrong{{"--disk", "d,bps=9G"}, "bps="}, Wrong{{"--disk", "d,bps=x"}, "bps="},
        Wrong{{"--disk", "d,werror="}, "werror="},
        Wrong{{"--disk", "d,werror=ignore"}, "werror=ignore"},
        Wrong{{"--disk", "d,rerror=enospc"}, "rerror=enospc"},
        Wrong{{"--disk", "d,werror=stop,werror=report"}, "werror is given twice"},
        Wrong{{"--disk", "d,werror=stop"}, "without a monitor"},
        Wrong{{"--disk", "d,rerror=stop"}, "without a monitor"}, Wrong{{"--rng=x"}, "--rng"}));
INSTANTIATE_TEST_SUITE_P(
    Nets, BadInput,
    testing::Values(
        Wrong{{"--net", ""}, "--net"}, Wrong{{"--net"}, "--net"},
        Wrong{{"--net", "user"}, "unknown option \"user\""}, Wrong{{"--net", "tap,bogus"}, "bogus"},
        Wrong{{"--net", "tap,"}, "no option of it"}, Wrong{{"--net", "tap,ifname="}, "ifname="},
        Wrong{{"--net", "tap,queues=0"}, "queues=0"}, Wrong{{"--net", "tap,queues=9"}, "queues=9"},
        Wrong{{"--net", "tap,queues=x"}, "queues=x"}, Wrong{{"--net", "tap,vhost=maybe"}, "maybe"},
        Wrong{{"--net", "tap,path=/x"}, "path=/x"}, Wrong{{"--net", "tap,mac=1"}, "mac="},
        Wrong{{"--net", "tap,mac=53:54:00:12:34:56"}, "no address of one device"},
        Wrong{{"--net", "tap,mtu=67"}, "mtu=67"}, Wrong{{"--net", "tap,mtu=65536"}, "mtu=65536"},
        Wrong{{"--net", "tap,mtu=1500,mtu=1500"}, "mtu is given twice"},
        Wrong{{"--net", "tap,rate=0"}, "rate="}, Wrong{{"--net", "tap,rate=fast"}, "rate="},
        Wrong{{"--net", "tap,rate=1M,vhost=on"}, "vhost=on"},
        Wrong{{"--net", "socket"}, "path= is missing"}, Wrong{{"--net", "socket,path="}, "path="},
        Wrong{{"--net", "socket,path=/x,listen=1"}, "listen=1"},
        Wrong{{"--net", "socket,path=/x,queues=2"}, "queues=2"},
        Wrong{{"--net", "socket,path=/x,vhost=on"}, "vhost=on"}));
INSTANTIATE_TEST_SUITE_P(
    Balloons, BadInput,
    testing::Values(Wrong{{"--balloon=bogus"}, "bogus"}, Wrong{{"--balloon=size="}, "size="},
                    Wrong{{"--balloon=size=0"}, "size=0"},
                    Wrong{{"--balloon=size=1000"}, "size=1000"},
                    Wrong{{"--balloon=reporting"}, "reporting"},
                    Wrong{{"--balloon=reporting=1"}, "reporting=1"},
                    Wrong{{"--balloon=deflate-on-oom=x"}, "deflate-on-oom=x"},
                    Wrong{{"--balloon=statistics=-1"}, "statistics=-1"},
                    Wrong{{"--balloon=statistics=86401"}, "statistics=86401"},
                    Wrong{{"--balloon=size=64M,size=64M"}, "size is given twice"},
                    Wrong{{"--balloon=size=64M,"}, "unknown option"},
                    Wrong{{"--balloon", "--balloon"}, "--balloon"},
                    Wrong{{"--balloon", "--memory", "x"}, "--memory"},
                    Wrong{{"--balloon=size=1G", "--memory", "512M"}, "more than --memory"}));
INSTANTIATE_TEST_SUITE_P(SubOptions, BadInput,
                         testing::ValuesIn(Assigned({"",
                                                     "bogus",
                                                     "bogus=1",
                                                     "addr=",
                                                     "addr=0",
                                                     "addr=20",
                                                     "addr=05.1",
                                                     "addr=x",
                                                     "addr=5,addr=6",
                                                     "id=",
                                                     "id=a b",
                                                     "id=a,id=b",
                                                     "config=",
                                                     "config=loose",
                                                     "config=strict,config=strict",
                                                     "token=",
                                                     "token=1",
                                                     "host=08:00.0",
                                                     "fallback",
                                                     "fallback=",
                                                     "fallback=vfio",
                                                     "fallback=virtio:",
                                                     "fallback=virtio:/dev/sda",
                                                     "fallback=virtio,fallback=virtio",
                                                     "addr",
                                                     "ADDR=5"})));
INSTANTIATE_TEST_SUITE_P(
    Rest, BadInput,
    testing::Values(Wrong{{"--assign", "08:00.0,addr=5,fallback=virtio"}, "does not go with addr="},
                    Wrong{{"--assign", ""}, "vmm:"}, Wrong{{"--assign"}, "--assign"},
                    Wrong{{"--initrd", "x", "--no-exec"}, "--no-exec"},
                    Wrong{{"--group"}, "--managed"}, Wrong{{"--force=group"}, "--managed"},
                    Wrong{{"--no-such"}, "--no-such"}, Wrong{{"stray"}, "stray"}));

}  // namespace
}  // namespace cli
