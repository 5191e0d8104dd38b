// udev-rules/early over a fake tree, by the shells that an initramfs may have.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sysfs/base/fd.h"
#include "tests/support/command.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Early : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    Write("line", "root=/dev/vda quiet\n");
    Write("log", "");
    AddDevice(kDrive, "0x1b36", "0x0010");
    // modprobe as far as the script can tell.
    Write("bin/modprobe", "#!/bin/sh\necho \"$*\" >>" + folder_.path() + "/loaded\n");
    fs::permissions(folder_.path() + "/bin/modprobe", fs::perms::owner_all);
  }

  void Write(const std::string& name, const std::string& text) const {
    const fs::path path = folder_.path() + "/" + name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string Read(const std::string& name) const {
    return base::ReadFile(folder_.path() + "/" + name).value_or("");
  }

  void AddDevice(const std::string& place, const char* vendor, const char* device) const {
    const std::string path = "sys/devices/" + place;
    Write(path + "/vendor", std::string(vendor) + "\n");
    Write(path + "/device", std::string(device) + "\n");
    Write(path + "/subsystem_vendor", "0x1af4\n");
    Write(path + "/subsystem_device", "0x1100\n");
    Write(path + "/driver_override", "(null)\n");
  }
  std::string Override(const std::string& place) const {
    return Read("sys/devices/" + place + "/driver_override");
  }

  void RunOver(const std::string& table) const {
    Write("table", table);
    Run();
  }
  void Run() const {
    const std::string& f = folder_.path();
    const auto outcome =
        test::RunCommand("PATH=" + f + "/bin:$PATH VASSIGN_LOG=" + f + "/log " + GetParam() + " " +
                         EARLY + " " + f + "/table " + f + "/sys " + f + "/line");
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    EXPECT_EQ(outcome.output, "");
  }

  static constexpr const char* kDrive = "pci0000:00/0000:00:16.0/0000:08:00.0";
  test::TempFolder folder_;
};

TEST_P(Early, NoTableIsNothingToDo) {
  Run();
  RunOver("");
  EXPECT_EQ(Override(kDrive), "(null)\n");
  EXPECT_FALSE(fs::exists(folder_.path() + "/loaded"));
}

TEST_P(Early, KeepsTheDeviceWhateverItsBusNumber) {
  RunOver("# a remark\n\n0000:00/16.0/00.0 1b36:0010 1af4:1100 vfio-pci\n");
  EXPECT_EQ(Override(kDrive), "vfio-pci\n");
  EXPECT_THAT(Read("log"), HasSubstr("vassign: 0000:08:00.0 is kept for vfio-pci"));
  EXPECT_EQ(Read("loaded"), "-q vfio-pci\n");
}

TEST_P(Early, BehindAnotherRootToo) {
  const std::string place = "pci0000:00/0000:00:0e.0/pci10000:e1/10000:e1:00.0/10000:e2:00.0";
  AddDevice(place, "0x8086", "0x0a54");
  RunOver("10000:e1/00.0/00.0 8086:0a54 - vfio-pci\n");
  EXPECT_EQ(Override(place), "vfio-pci\n");
}

TEST_P(Early, AnotherCardIsLeft) {
  RunOver(
      "0000:00/16.0/00.0 1b36:0011 - vfio-pci\n0000:00/16.0/00.0 1b36:0010 1af4:1101 vfio-pci\n"
      "0000:00/17.0/00.0 1b36:0010 - vfio-pci\n0000:01/16.0/00.0 - - vfio-pci\n");
  EXPECT_EQ(Override(kDrive), "(null)\n");
  EXPECT_FALSE(fs::exists(folder_.path() + "/loaded"));
}

TEST_P(Early, DriverThatIsThereIsNotDisturbed) {
  Write(std::string("sys/devices/") + kDrive + "/driver/bind", "");
  RunOver("0000:00/16.0/00.0 1b36:0010 - vfio-pci\n");
  EXPECT_EQ(Override(kDrive), "(null)\n");
  EXPECT_THAT(Read("log"), HasSubstr("has a driver already"));
}

TEST_P(Early, SwitchedOffByTheKernelsLine) {
  Write("line", "root=/dev/vda vassign=off quiet\n");
  RunOver("0000:00/16.0/00.0 1b36:0010 - vfio-pci\n");
  EXPECT_EQ(Override(kDrive), "(null)\n");
  EXPECT_EQ(Read("log"), "");
}

TEST_P(Early, AnotherDriverNeedsNoVfio) {
  RunOver("0000:00/16.0/00.0 - - pci-stub\n");
  EXPECT_EQ(Override(kDrive), "pci-stub\n");
  EXPECT_FALSE(fs::exists(folder_.path() + "/loaded"));
}

TEST_P(Early, ALineThatIsCutIsOfNoOtherDevice) {
  const std::string neighbour = "pci0000:00/0000:00:01.0/0000:09:00.0";
  AddDevice(neighbour, "0x1b36", "0x0010");
  const std::string line = "0000:00/16.0/00.0 1b36:0010 1af4:1100 vfio-pci";
  std::string table;
  for (size_t size = 0; size < line.size(); ++size) table += line.substr(0, size) + "\n";
  RunOver(table);
  EXPECT_EQ(Override(neighbour), "(null)\n");
}

INSTANTIATE_TEST_SUITE_P(Shells, Early, testing::Values("sh", "bash --posix"));

}  // namespace
