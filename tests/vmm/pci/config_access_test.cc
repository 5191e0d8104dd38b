#include "vmm/pci/config_access.h"

#include <gmock/gmock.h>

#include "tests/support/fake_function.h"
#include "tests/support/fake_router.h"
#include "tests/support/matchers.h"
#include "vmm/pci/host_bridge.h"
#include "vmm/platform.h"

namespace vmm::pci {
namespace {

using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kAbsent = 0xffffffff;

class FakePort final : public IoDevice {
 public:
  std::string_view name() const override { return "reset"; }
  uint64_t Read(Access) override { return 0x5a; }
  void Write(Access access, uint64_t value) override {
    EXPECT_EQ(access.offset, 0u);
    written.push_back(value);
  }
  std::vector<uint64_t> written;
};

class ConfigAccessTest : public testing::Test {
 protected:
  uint64_t Ecam(unsigned devfn, unsigned offset) const {
    return 0xb0000000 + devfn * 4096ull + offset;
  }
  uint64_t Read(unsigned devfn, unsigned offset, Width width) const {
    return memory.Read(Ecam(devfn, offset), width);
  }
  void Write(unsigned devfn, unsigned offset, Width width, uint64_t value) const {
    memory.Write(Ecam(devfn, offset), width, value);
  }
  void Start() {
    ASSERT_THAT(bridge->Add(8, function), IsOk());
    ASSERT_THAT(bridge->Connect({&ports, &memory, nullptr}, router), IsOk());
  }

  Bus ports, memory;
  test::FakeRouter router;
  std::shared_ptr<FakePort> reset = std::make_shared<FakePort>();
  std::shared_ptr<test::FakeFunction> function = std::make_shared<test::FakeFunction>(
      "dev", std::vector<BarInfo>{{0, BarKind::kMemory64, 0x4000, true},
                                  {2, BarKind::kMemory32, 0x1000, false},
                                  {3, BarKind::kIo, 32, false}});
  std::shared_ptr<HostBridge> bridge = HostBridge::Create(test::LayoutWithWindows(), reset);
};

TEST_F(ConfigAccessTest, AbsentFunctionsAndOtherBusesReadAllOnes) {
  Start();
  EXPECT_EQ(Read(16, 0, Width::k4), kAbsent);
  EXPECT_EQ(Read(16, 0, Width::k8), ~uint64_t{0});
  EXPECT_EQ(Read(256 + 8, 0, Width::k2), 0xffffu);
  Write(16, 4, Width::k4, 7);
  EXPECT_THAT(function->reads, IsEmpty());
}

TEST_F(ConfigAccessTest, EcamCarriesEveryWidth) {
  Start();
  EXPECT_EQ(Read(8, 0, Width::k1), 0x78u);
  EXPECT_EQ(Read(8, 2, Width::k2), 0x1234u);
  EXPECT_EQ(Read(8, 0, Width::k4), 0x12345678u);
  EXPECT_EQ(Read(8, 0, Width::k8), 0x12345678u);
  EXPECT_EQ(Read(8, 1, Width::k4), 0x00123456u);  // unaligned: natural parts
  EXPECT_EQ(Read(8, 0xffe, Width::k4), kAbsent);  // leaves the function
  EXPECT_THAT(function->reads, ElementsAre(1, 2, 4, 4, 4, 1, 2, 1));
}

TEST_F(ConfigAccessTest, PortsCarryEveryWidth) {
  Start();
  EXPECT_EQ(ports.Read(0xcfc, Width::k4), kAbsent);  // not enabled
  ports.Write(0xcf8, Width::k4, 0x80000803);
  EXPECT_EQ(ports.Read(0xcf8, Width::k4), 0x80000800u);
  EXPECT_EQ(ports.Read(0xcfc, Width::k4), 0x12345678u);
  EXPECT_EQ(ports.Read(0xcfd, Width::k1), 0x56u);
  EXPECT_EQ(ports.Read(0xcfe, Width::k2), 0x1234u);
  EXPECT_EQ(ports.Read(0xcfd, Width::k2), 0x3456u);
  ports.Write(0xcf8, Width::k2, 0);  // only 4 bytes reach the address register
  ports.Write(0xcfb, Width::k1, 1);
  EXPECT_EQ(ports.Read(0xcf8, Width::k4), 0x80000800u);
  ports.Write(0xcf8, Width::k4, 0x80000804);
  ports.Write(0xcfc, Width::k1, 4);
  EXPECT_EQ(function->config.Shadow(header::kCommand, Width::k2), 4u);
  ports.Write(0xcf8, Width::k4, 0x80010800);
  EXPECT_EQ(ports.Read(0xcfc, Width::k4), kAbsent);
}

TEST_F(ConfigAccessTest, ResetPortLiesInTheAddressRegister) {
  Start();
  ports.Write(kResetPort, Width::k1, 6);
  EXPECT_THAT(reset->written, ElementsAre(6));
  EXPECT_EQ(ports.Read(kResetPort, Width::k1), 0x5au);
}

}  // namespace
}  // namespace vmm::pci
