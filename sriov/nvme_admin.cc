#include "sriov/nvme_admin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>

namespace sriov {
namespace {

constexpr uint8_t kIdentify = 0x06;
constexpr uint8_t kVirtualizationManagement = 0x1c;
constexpr uint32_t kIdentifyController = 0x01;  // CNS
constexpr uint32_t kPrimaryCapabilities = 0x14;
constexpr uint32_t kSecondaryList = 0x15;
constexpr uint32_t kTimeoutMs = 30000;
constexpr size_t kLongestPage = 127;  // entries of a secondary controller list

// Status code type and code, without the bits for retries (NVM Express Base 2.0, 4.5.1.2).
std::string Describe(int status) {
  switch (status & 0x7ff) {
    case 0x001:
      return "it does not know this command";
    case 0x002:
      return "a field of the command is invalid";
    case 0x11f:
      return "no such controller";
    case 0x120:
      return "the secondary controller is in the wrong state";
    case 0x121:
      return "it does not give one controller so many resources";
    case 0x122:
      return "not that many resources are free";
    default:
      return fmt::format("status {:#05x}", status & 0x7ff);
  }
}

class Passthrough final : public NvmeAdmin {
 public:
  Passthrough(base::Kernel& kernel, base::Fd fd, std::string node)
      : kernel_(kernel), fd_(std::move(fd)), node_(std::move(node)) {}

  base::Result<NvmePrimary> ReadPrimary() override {
    if (!HasVirtualization(TRY(Identify(kIdentifyController, 0)))) {
      return base::Fail(base::Code::kUnsupported,
                        node_ + ": the drive has no Virtualization Management");
    }
    return ParsePrimary(TRY(Identify(kPrimaryCapabilities, 0)));
  }

  base::Result<std::vector<NvmeSecondary>> ReadSecondaries() override {
    std::vector<NvmeSecondary> all;
    for (uint32_t first = 0;;) {
      const auto page = ParseSecondaries(TRY(Identify(kSecondaryList, first)));
      // A drive that repeats itself ends the list.
      for (const NvmeSecondary& one : page) {
        if (one.controller >= first) all.push_back(one);
      }
      if (page.size() < kLongestPage || page.back().controller < first) return all;
      first = page.back().controller + 1U;
      if (first > UINT16_MAX) return all;
    }
  }

  base::Status Manage(const NvmeCommand& command) override {
    nvme_admin_cmd raw = {};
    raw.opcode = kVirtualizationManagement;
    raw.cdw10 = static_cast<uint32_t>(command.action) |
                static_cast<uint32_t>(command.resource) << 8 |
                static_cast<uint32_t>(command.controller) << 16;
    raw.cdw11 = command.count;
    return Send(raw, Format(command, node_));
  }

 private:
  base::Result<std::vector<std::byte>> Identify(uint32_t what, uint32_t controller) {
    std::vector<std::byte> bytes(kNvmeIdentifySize);
    nvme_admin_cmd raw = {};
    raw.opcode = kIdentify;
    raw.addr = reinterpret_cast<uintptr_t>(bytes.data());
    raw.data_len = static_cast<uint32_t>(bytes.size());
    raw.cdw10 = what | controller << 16;
    TRY(Send(raw, fmt::format("{}: identify {:#x}", node_, what)));
    return bytes;
  }

  // A negative result is errno, a positive one the drive's own status.
  base::Status Send(nvme_admin_cmd& raw, const std::string& what) {
    raw.timeout_ms = kTimeoutMs;
    const auto status = kernel_.Ioctl(fd_, NVME_IOCTL_ADMIN_CMD, &raw, "NVME_IOCTL_ADMIN_CMD");
    if (!status) return base::Failure(base::Error(status.error()).With(what));
    if (*status == 0) return {};
    return base::Fail(base::Code::kKernel,
                      fmt::format("{}: the drive refused: {}", what, Describe(*status)));
  }

  base::Kernel& kernel_;
  base::Fd fd_;
  std::string node_;
};

}  // namespace

base::Result<std::unique_ptr<NvmeAdmin>> OpenNvmeAdmin(base::Kernel& kernel,
                                                       const std::string& node) {
  base::Fd fd = TRY(kernel.Open(node, O_RDONLY));
  return std::unique_ptr<NvmeAdmin>(std::make_unique<Passthrough>(kernel, std::move(fd), node));
}

}  // namespace sriov
