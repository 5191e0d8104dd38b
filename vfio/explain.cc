#include "vfio/explain.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace vfio {
namespace {

using base::Code;
using base::Error;

std::string_view NameOf(Step step) {
  switch (step) {
    case Step::kOpenGroup:
    case Step::kOpenDeviceFile:
      return "open";
    case Step::kAttachGroup:
      return "put the group behind the IOMMU";
    case Step::kOpenDevice:
    case Step::kBindDevice:
      return "open the device";
    case Step::kAttachDevice:
      return "attach the device to the address space";
  }
  return "";
}

std::string Text(int err) { return std::generic_category().message(err); }

// "0000:08:00.0: " and what follows.
Error Make(Code code, int err, const AccessFacts& facts, const std::string& cause,
           std::string hint = "") {
  return Error(code, facts.device + ": " + cause, err).WithHint(std::move(hint));
}

Error NotOnVfio(int err, const AccessFacts& facts) {
  return Make(Code::kInUse, err, facts,
              facts.driver ? fmt::format("is on the driver {}, not on a VFIO driver", *facts.driver)
                           : "is on no driver; it needs a VFIO driver",
              "vassign bind " + facts.device);
}

Error Held(int err, const AccessFacts& facts) {
  std::string who;
  for (const sysfs::Holder& holder : facts.holders)
    who += fmt::format("{}{} (pid {})", who.empty() ? "" : ", ",
                       holder.command.empty() ? "a process" : holder.command, holder.pid);
  const std::string group =
      facts.group ? fmt::format(" or its IOMMU group {}", *facts.group) : std::string();
  return Make(Code::kInUse, err, facts, fmt::format("the device{} is held by {}", group, who),
              "end that process first");
}

Error HeldByUnknown(int err, const AccessFacts& facts) {
  return Make(Code::kInUse, err, facts,
              fmt::format("{} is held by a process that cannot be seen from here", facts.node),
              fmt::format("as root: fuser -v {}", facts.node));
}

Error NotViable(int err, const AccessFacts& facts) {
  std::string list;
  std::string devices;
  for (const sysfs::Blocker& blocker : facts.blockers) {
    list += fmt::format("{}{} is on {}", list.empty() ? "" : ", ", blocker.address.ToString(),
                        blocker.driver);
    devices += " " + blocker.address.ToString();
  }
  return Make(Code::kUnfit, err, facts,
              fmt::format("IOMMU group {} is not viable: {}", facts.group.value_or(0), list),
              "give the whole group to VFIO: vassign bind" + devices);
}

Error NoInterruptRemapping(int err, const AccessFacts& facts, std::string_view module) {
  return Make(
      Code::kUnfit, err, facts,
      "the host has no interrupt remapping, so the device could forge interrupts",
      fmt::format("turn interrupt remapping on (firmware, no intremap=off); or boot with "
                  "{0}.allow_unsafe_interrupts=1 (now: echo 1 > "
                  "/sys/module/{0}/parameters/allow_unsafe_interrupts): a hostile guest can "
                  "then crash or take over the host",
                  module));
}

Error Denied(int err, const AccessFacts& facts) {
  return Make(Code::kDenied, err, facts, fmt::format("{}: {}", facts.node, Text(err)),
              fmt::format("run as root, or let this user open it: chown $USER {}", facts.node));
}

Error NodeMissing(int err, const AccessFacts& facts) {
  return Make(
      Code::kUnsupported, err, facts,
      fmt::format("{} is missing though the driver is {}", facts.node, facts.driver.value_or("?")),
      "udevadm settle; a device in no-IOMMU mode cannot be assigned");
}

// vfio_pci_validate_vf_token: missing or another one.
Error WrongToken(int err, const AccessFacts& facts) {
  const std::string why =
      facts.physical ? fmt::format("its physical function {} is on a VFIO driver", *facts.physical)
                     : "its virtual functions are in use";
  return Make(Code::kDenied, err, facts,
              why + ", and the VF token is missing or not the one that was set",
              fmt::format("--assign {},token=UUID, with the UUID that the physical function was "
                          "opened with",
                          facts.device));
}

Error Unknown(Step step, int err, const AccessFacts& facts) {
  return Make(Code::kKernel, err, facts, fmt::format("{}: {}", NameOf(step), Text(err)),
              "the kernel's log may say more: dmesg | grep -iE 'vfio|iommu'");
}

Error ExplainOpen(Step step, int err, const AccessFacts& facts) {
  switch (err) {
    case EBUSY:
      return HeldByUnknown(err, facts);
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return NodeMissing(err, facts);
    default:
      return Unknown(step, err, facts);
  }
}

Error ExplainAttach(Step step, int err, const AccessFacts& facts) {
  switch (err) {
    case 0:
      return Make(Code::kUnfit, err, facts,
                  fmt::format("IOMMU group {} is not viable: its DMA has another owner",
                              facts.group.value_or(0)));
    case EPERM:
      return NoInterruptRemapping(err, facts, "vfio_iommu_type1");
    case ENODEV:
      return Make(Code::kUnsupported, err, facts, "the kernel has no type1 IOMMU driver for VFIO",
                  "modprobe vfio_iommu_type1");
    case EINVAL:
    case EADDRINUSE:
      return Make(
          Code::kUnfit, err, facts,
          "addresses that its IOMMU reserves are in use by guest memory, or it needs an "
          "address space of its own",
          fmt::format("compare /sys/kernel/iommu_groups/{}/reserved_regions with the memory "
                      "map of vmm plan",
                      facts.group.value_or(0)));
    case ENOMEM:
      return Make(Code::kDenied, err, facts, "guest memory could not be mapped for it: no memory",
                  "raise RLIMIT_MEMLOCK or free memory on the host");
    default:
      return Unknown(step, err, facts);
  }
}

Error ExplainOpenDevice(Step step, int err, const AccessFacts& facts) {
  switch (err) {
    case EPERM:
      return NoInterruptRemapping(err, facts, "iommufd");
    case EBUSY:
      return HeldByUnknown(err, facts);
    case EAGAIN:
      return Make(Code::kKernel, err, facts, "another reset of the device is running",
                  "try again in a second");
    case EINVAL:
      if (step != Step::kBindDevice) return Unknown(step, err, facts);
      return Make(Code::kUnfit, err, facts,
                  "iommufd refuses it: its DMA is not cache coherent, or it is open elsewhere",
                  "as root, who has it: fuser -v " + facts.node);
    default:
      return Unknown(step, err, facts);
  }
}

// Causes that are not of one step, with the errnos that they produce there.
bool MayBeHeld(Step step, int err) {
  if (step == Step::kAttachDevice) return false;  // it was bound before
  return err == EBUSY || (step != Step::kOpenGroup && (err == EPERM || err == 0)) ||
         (step == Step::kBindDevice && err == EINVAL);
}
bool MayBeBlocked(int err) { return err == EBUSY || err == EPERM || err == 0; }

}  // namespace

Error Explain(Step step, int err, const AccessFacts& facts) {
  const bool opening = step == Step::kOpenGroup || step == Step::kOpenDeviceFile;
  if (err == EACCES && !opening && (facts.physical || facts.has_functions))
    return WrongToken(err, facts);
  if (err == EACCES || (opening && err == EPERM)) return Denied(err, facts);
  if (!facts.on_vfio_driver) return NotOnVfio(err, facts);
  if (!facts.holders.empty() && MayBeHeld(step, err)) return Held(err, facts);
  if (opening) return ExplainOpen(step, err, facts);
  if (!facts.blockers.empty() && MayBeBlocked(err)) return NotViable(err, facts);
  if (step == Step::kAttachGroup || step == Step::kAttachDevice)
    return ExplainAttach(step, err, facts);
  return ExplainOpenDevice(step, err, facts);
}

Error ExplainContainer(int err) {
  if (err == EACCES || err == EPERM)
    return Error(Code::kDenied, "/dev/vfio/vfio: " + Text(err), err)
        .WithHint("the file is for everybody by default: chmod 666 /dev/vfio/vfio");
  return Error(Code::kUnsupported, "/dev/vfio/vfio: " + Text(err), err)
      .WithHint("modprobe vfio-pci loads VFIO");
}

Error ExplainIommufd(int err) {
  if (err == EACCES || err == EPERM)
    return Error(Code::kDenied, "/dev/iommu: " + Text(err), err)
        .WithHint("run as root, or let this user open it: chown $USER /dev/iommu");
  return Error(Code::kUnsupported, "/dev/iommu: " + Text(err), err)
      .WithHint("modprobe iommufd (Linux 6.2 and newer, CONFIG_IOMMUFD)");
}

}  // namespace vfio
