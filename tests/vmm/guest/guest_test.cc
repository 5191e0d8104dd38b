#include "vmm/guest/guest.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/program_files.h"

namespace vmm::guest {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;

class BuildGuestTest : public testing::Test {
 protected:
  BuildGuestTest() {
    tree_.AddFile("/proc/sys/kernel/osrelease", "6.12.1");
    tree_.AddFile("/boot/vmlinuz-6.12.1", "x");
    tree_.AddBytes("/bin/busybox", test::MakeProgram("", {}));
    tree_.AddFile("/lib/modules/6.12.1/nvme.ko", "x");
  }
  base::Result<GuestImage> Build(const GuestRequest& request) {
    return BuildGuest(
        tree_, request,
        [](const std::string& name) -> base::Result<std::vector<sysfs::ModuleFile>> {
          if (name != "pci:nvme") return base::Fail(Code::kNotFound, "none");
          return std::vector<sysfs::ModuleFile>{{"nvme", "/lib/modules/6.12.1/nvme.ko", false}};
        });
  }

  test::FakeTree tree_;
};

TEST_F(BuildGuestTest, NamesWhatTheHostLacks) {
  tree_.Remove("/boot/vmlinuz-6.12.1");
  EXPECT_THAT(Build({}), FailsWith(Code::kUnsupported, HasSubstr("/boot/vmlinuz-6.12.1")));
  GuestRequest request;
  request.kernel = "/home/vmlinuz";
  tree_.Remove("/bin/busybox");
  EXPECT_THAT(Build(request), FailsWith(Code::kUnsupported, HasSubstr("busybox")));
}

TEST_F(BuildGuestTest, TakesTheHostsKernelAndTheDriver) {
  GuestRequest request;
  request.modaliases = {"pci:nvme", "pci:unknown"};
  const auto image = Build(request);
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->kernel_path, "/boot/vmlinuz-6.12.1");
  EXPECT_THAT(image->remarks, ElementsAre(HasSubstr("pci:unknown")));
  const std::string archive(reinterpret_cast<const char*>(image->initrd.data()),
                            image->initrd.size());
  EXPECT_THAT(archive, HasSubstr("modules/000-nvme.ko"));
}

TEST_F(BuildGuestTest, AnEmulatedDevicesDriverIsAskedForByItsName) {
  GuestRequest request;
  request.drivers = {"pci:nvme", "virtio_none"};
  const auto image = Build(request);
  ASSERT_THAT(image, IsOk());
  EXPECT_THAT(image->remarks, ElementsAre(HasSubstr("virtio_none")));
  const std::string archive(reinterpret_cast<const char*>(image->initrd.data()),
                            image->initrd.size());
  EXPECT_THAT(archive, HasSubstr("modules/000-nvme.ko"));
}

TEST_F(BuildGuestTest, TheConsolesDriverComesFirst) {
  std::vector<std::string> asked;
  const ModuleFinder find =
      [&](const std::string& name) -> base::Result<std::vector<sysfs::ModuleFile>> {
    asked.push_back(name);
    return std::vector<sysfs::ModuleFile>{{name, "", true}};
  };
  GuestRequest request;
  request.virtio_console = true;
  request.modaliases = {"pci:nvme"};
  request.drivers = {"virtio_console", "virtio_pci", "virtio_rng"};
  auto image = BuildGuest(tree_, request, find);
  ASSERT_THAT(image, IsOk());
  asked.resize(4);
  EXPECT_THAT(asked, ElementsAre("virtio_pci", "virtio_console", "pci:nvme", "virtio_rng"));
  EXPECT_THAT(image->command_line, HasSubstr("console=hvc0"));
  request.virtio_console = false;
  image = BuildGuest(tree_, request, find);
  ASSERT_THAT(image, IsOk());
  EXPECT_THAT(image->command_line, HasSubstr("console=ttyS0"));
}

TEST_F(BuildGuestTest, AnotherKernelNeedsNoneOfTheHosts) {
  tree_.Remove("/boot/vmlinuz-6.12.1");
  GuestRequest request;
  request.kernel = "/home/vmlinuz";
  request.exec = "true";
  const auto image = Build(request);
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->kernel_path, "/home/vmlinuz");
  EXPECT_THAT(image->command_line, HasSubstr("nr_uarts"));
}

// Through libkmod, which finds no folder for such a release.
TEST_F(BuildGuestTest, LooksForModulesByTheKernelsOwnRelease) {
  test::Bytes kernel = test::MakeBzImage();
  base::StoreLe<uint16_t>(kernel, 0x20e, 0x100);
  test::StoreText(kernel, 0x300, "9.9.9-none (builder)");
  tree_.AddBytes("/home/vmlinuz", kernel);
  GuestRequest request;
  request.modaliases = {"pci:nvme"};
  const auto running = BuildGuest(tree_, request);
  ASSERT_THAT(running, IsOk());
  EXPECT_THAT(running->remarks, ElementsAre(HasSubstr("/lib/modules/6.12.1")));
  request.kernel = "/home/vmlinuz";
  const auto other = BuildGuest(tree_, request);
  ASSERT_THAT(other, IsOk());
  EXPECT_THAT(other->remarks, ElementsAre(HasSubstr("/lib/modules/9.9.9-none")));
}

}  // namespace
}  // namespace vmm::guest
