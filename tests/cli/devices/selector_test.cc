#include "cli/devices/selector.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/matchers.h"
#include "tests/support/recorded_host.h"

namespace cli {
namespace {

using sysfs::PciAddress;
using test::FailsWith;
using test::IsOkAnd;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr PciAddress kDrive{0, 8, 0, 0};
constexpr PciAddress kOtherDrive{0, 9, 0, 0};
constexpr PciAddress kNic{0, 3, 0, 0};

class Host : public testing::Test {
 protected:
  std::unique_ptr<test::FakeTree> tree_ = test::LoadHost("host.txt");
};

TEST_F(Host, AnEntryOfTheDeclarativeFileIsAName) {
  EXPECT_THAT(Select(*tree_, "scratch"), FailsWith(base::Code::kNotFound));
  tree_->AddFile(
      "/etc/vassign/vassign.toml",
      "[[device]]\nname = \"scratch\"\nmatch = { path = \"0000:00/02.0/00.0\", id = "
      "\"1b36:0010\" }\ndriver = \"vfio-pci\"\n"
      "[[device]]\nname = \"gone\"\nmatch = { serial = \"S9\" }\ndriver = \"vfio-pci\"\n");
  EXPECT_THAT(Select(*tree_, "scratch"), IsOkAnd(ElementsAre(kDrive)));
  EXPECT_THAT(Select(*tree_, "gone"), FailsWith(base::Code::kNotFound, HasSubstr("gone")));
}

TEST_F(Host, ABrokenDeclarativeFileIsToldWithANameThatIsNotFound) {
  const auto hint = [&](const char* text) {
    const auto found = Select(*tree_, text);
    return found ? std::string() : found.error().hint();
  };
  tree_->AddFile("/etc/vassign/vassign.toml", "# mine\nno TOML");
  EXPECT_THAT(Select(*tree_, "scratch"), FailsWith(base::Code::kNotFound, HasSubstr("scratch")));
  EXPECT_THAT(hint("scratch"), HasSubstr("/etc/vassign/vassign.toml:2: "));
  EXPECT_THAT(hint("net:scratch"), Not(HasSubstr("vassign.toml")));
  tree_->AddFile("/etc/vassign/vassign.toml", "");
  tree_->AddFile("/etc/vassign/conf.d/50-a.toml", "[[device]]\nnam = \"scratch\"\n");
  EXPECT_THAT(hint("scratch"), HasSubstr("/etc/vassign/conf.d/50-a.toml:2: unknown key 'nam'"));
}

struct Case {
  const char* text;
  base::Code code;
};
class WrongSelector : public Host, public testing::WithParamInterface<Case> {};

TEST_P(WrongSelector, FailsWithTheRightCodeAndAHint) {
  const auto found = Select(*tree_, GetParam().text);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code(), GetParam().code) << found.error().message();
  EXPECT_FALSE(found.error().hint().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Selectors, WrongSelector,
    testing::Values(Case{"", base::Code::kUsage}, Case{"08:00", base::Code::kUsage},
                    Case{"08:00.8", base::Code::kUsage}, Case{"08.00.0", base::Code::kUsage},
                    Case{"8086:", base::Code::kUsage}, Case{"808:10c9", base::Code::kUsage},
                    Case{"group:", base::Code::kUsage}, Case{"group:x", base::Code::kUsage},
                    Case{"group:-1", base::Code::kUsage}, Case{"pci_08", base::Code::kUsage},
                    Case{"scsi:0", base::Code::kUsage}, Case{"/dev/vfio/vfio", base::Code::kUsage},
                    Case{"08:00.1", base::Code::kNotFound}, Case{"group:99", base::Code::kNotFound},
                    Case{"8086:ffff", base::Code::kNotFound}, Case{"eth9", base::Code::kNotFound},
                    Case{"lo", base::Code::kNotFound}, Case{"net:", base::Code::kNotFound},
                    Case{"net:nvme0n1", base::Code::kNotFound},
                    Case{"net:../../bus/pci/devices/0000:08:00.0", base::Code::kNotFound},
                    Case{"..", base::Code::kUsage}, Case{"/sys", base::Code::kNotFound},
                    Case{"/dev/absent", base::Code::kNotFound},
                    Case{"/sys/bus/pci/devices/0000:77:00.0", base::Code::kNotFound},
                    Case{"/sys/bus/pci/drivers/nvme", base::Code::kNotFound}));

struct Good {
  const char* text;
  PciAddress address;
};
class GoodSelector : public Host, public testing::WithParamInterface<Good> {};

TEST_P(GoodSelector, NamesOneDevice) {
  EXPECT_THAT(SelectOne(*tree_, GetParam().text), IsOkAnd(GetParam().address));
}

INSTANTIATE_TEST_SUITE_P(
    Selectors, GoodSelector,
    testing::Values(Good{"08:00.0", kDrive}, Good{"0000:08:00.0", kDrive}, Good{"8:0.0", kDrive},
                    Good{"10000:01:00.0", {0x10000, 1, 0, 0}}, Good{"pci-0000:08:00.0", kDrive},
                    Good{"pci_0000_08_00_0", kDrive},
                    Good{"/sys/bus/pci/devices/0000:08:00.0", kDrive},
                    Good{"/sys/bus/pci/devices/0000:08:00.0/", kDrive},
                    Good{"/sys/bus/pci/devices/0000:08:00.0/nvme/nvme0", kDrive},
                    Good{"/sys/class/net/eth1", kNic}, Good{"net:eth1", kNic}, Good{"eth1", kNic},
                    Good{"/dev/nvme1n1", kOtherDrive}, Good{"/dev/nvme1n1p1", kOtherDrive},
                    Good{"block:nvme1n1", kOtherDrive}, Good{"nvme1n1p1", kOtherDrive},
                    Good{"nvme1", kOtherDrive}, Good{"/dev/disk/by-id/nvme-SAMSUNG_1", kOtherDrive},
                    // A multipath namespace is of a virtual subsystem; its controller is not.
                    Good{"nvme0n1", kDrive}, Good{"/dev/nvme0n1", kDrive}, Good{"8086:10C9", kNic},
                    Good{"group:14", kDrive}, Good{"/dev/vfio/14", kDrive},
                    Good{"vfio:14", kDrive}));

TEST_F(Host, SetsAreSortedAndHoldEachOnce) {
  EXPECT_THAT(Select(*tree_, "8086:10ca"),
              IsOkAnd(ElementsAre(PciAddress{0, 3, 0x10, 0}, PciAddress{0, 3, 0x10, 2})));
  EXPECT_THAT(Select(*tree_, "group:16"), IsOkAnd(SizeIs(3)));
  EXPECT_THAT(SelectAll(*tree_, {"09:00.0", "08:00.0", "group:14", "nvme0n1"}),
              IsOkAnd(ElementsAre(kDrive, kOtherDrive)));
}

TEST_F(Host, AmbiguousListsTheMatches) {
  const auto found = SelectOne(*tree_, "8086:10ca");
  ASSERT_THAT(found, FailsWith(base::Code::kNotFound, HasSubstr("2 PCI devices")));
  EXPECT_THAT(found.error().hint(), AllOf(HasSubstr("0000:03:10.0"), HasSubstr("0000:03:10.2")));
}

TEST_F(Host, UnknownNamesTheNearest) {
  EXPECT_THAT(SelectOne(*tree_, "03:00.1").error().hint(),
              HasSubstr("nearest: 0000:03:00.0, 0000:03:10.0"));
  EXPECT_THAT(SelectOne(*tree_, "eth3").error().hint(), HasSubstr("eth1, eth2"));
  EXPECT_THAT(SelectOne(*tree_, "8086:10cb").error().hint(), HasSubstr("8086:10ca"));
  EXPECT_THAT(SelectOne(*tree_, "completely-different").error().hint(), Not(HasSubstr("nearest")));
}

TEST_F(Host, TextIsQuotedForTheTerminal) {
  EXPECT_THAT(SelectOne(*tree_, "eth\x1b[2J").error().message(), HasSubstr("'eth\\x1b[2J'"));
}

TEST_F(Host, RandomTextNeverFindsWhatItDoesNotName) {
  std::mt19937 random(3);
  constexpr std::string_view kAlphabet = "0123456789abcdef:./_-netvmpgroupblcksy";
  for (int round = 0; round < 2000; ++round) {
    std::string text(1 + random() % 16, ' ');
    for (char& byte : text) byte = kAlphabet[random() % kAlphabet.size()];
    const auto found = Select(*tree_, text);
    if (!found) continue;
    ASSERT_FALSE(found->empty()) << text;
    for (const PciAddress& address : *found)
      ASSERT_TRUE(tree_->Exists("/sys/bus/pci/devices/" + address.ToString())) << text;
  }
}

}  // namespace
}  // namespace cli
