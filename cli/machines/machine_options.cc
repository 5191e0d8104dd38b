#include "cli/machines/machine_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/devices/selector.h"
#include "cli/devices/vf_selector.h"
#include "cli/machines/console_option.h"
#include "sysfs/base/text.h"
#include "vfio/handed_over.h"
#include "vmm/control/command.h"
#include "vmm/control/registry.h"
#include "vmm/control/socket.h"
#include "vmm/virtio/balloon/settings.h"
#include "vmm/virtio/blk/settings.h"
#include "vmm/virtio/net/settings.h"

namespace cli {
namespace {

using base::Code;
using base::Fail;

// "5" or "05.0": the device number on the guest's bus 0; functions other than 0 do not exist there.
base::Result<uint8_t> ParseSlot(std::string_view text) {
  std::string_view digits = text;
  if (digits.ends_with(".0")) digits.remove_suffix(2);
  const auto slot = base::ParseHex(digits, 0x1f);
  if (slot && *slot != 0) return static_cast<uint8_t>(*slot);
  return Fail(Code::kUsage, fmt::format("addr={}: not a slot of the guest's bus", text),
              "use 01.0 to 1f.0");
}

base::Status ParseMemory(std::string_view text, vmm::Options& options) {
  const auto parts = base::Split(text, ',');
  const auto memory = base::ParseSize(parts.front());
  if (!memory || *memory == 0 || *memory % base::kPageSize != 0) {
    return Fail(Code::kUsage, fmt::format("--memory {}: not a size", parts.front()),
                "give a multiple of 4K, such as 512M or 4G");
  }
  options.memory_bytes = *memory;
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] == "mergeable") {
      options.mergeable = true;
      continue;
    }
    if (!parts[i].starts_with("pages=")) {
      return Fail(Code::kUsage, fmt::format("--memory {}: unknown option \"{}\"", text, parts[i]),
                  "--memory takes SIZE[,pages=2M|1G][,mergeable]");
    }
    const auto pages = vmm::ParsePages(parts[i].substr(6));
    if (!pages) {
      return Fail(Code::kUsage, fmt::format("--memory: {}: not a kind of pages", parts[i]),
                  "use 2M or 1G for reserved pages, or transparent");
    }
    options.pages = *pages;
  }
  if (options.mergeable && vmm::IsReserved(options.pages)) {
    return Fail(Code::kUsage, fmt::format("--memory {}: reserved pages are never merged", text),
                "use mergeable or pages=, not both");
  }
  return {};
}

base::Result<vfio::Backend> ParseBackend(std::string_view text) {
  if (text == "auto") return vfio::Backend::kAuto;
  if (text == "iommufd") return vfio::Backend::kIommufd;
  if (text == "type1") return vfio::Backend::kType1;
  return Fail(Code::kUsage, fmt::format("--dma {}: not a back end", text),
              "use auto, iommufd or type1");
}

// "fd=5": a descriptor that was handed over. Nothing for any other text.
base::Result<std::optional<vfio::HandedOver>> ParseDescriptor(const sysfs::Tree& tree,
                                                              std::string_view text) {
  if (!text.starts_with("fd=")) return std::optional<vfio::HandedOver>();
  const auto number = base::ParseDecimal(text.substr(3), INT32_MAX);
  if (!number) return Fail(Code::kUsage, fmt::format("{}: not the number of a descriptor", text));
  return TRY(vfio::Recognise(tree, static_cast<int>(*number)));
}

// "virtio", or "virtio:nvme0n1" where the device has several.
base::Result<vmm::FallbackWish> ParseFallback(std::string_view text) {
  constexpr std::string_view kVirtio = "virtio";
  const std::string_view node = text.starts_with(kVirtio) ? text.substr(kVirtio.size()) : "-";
  if (node.empty()) return vmm::FallbackWish{};
  if (node.size() > 1 && node.front() == ':' && node.find('/') == std::string_view::npos)
    return vmm::FallbackWish{std::string(node.substr(1))};
  return Fail(Code::kUsage, fmt::format("fallback={}: not a fallback", text),
              "use fallback=virtio, or fallback=virtio:NAME with one of the device's disks or "
              "interfaces");
}

// The device, or with a fallback also a virtual function that is not there.
base::Status SelectAssigned(const sysfs::Tree& tree, std::string_view text, bool has_fallback,
                            vmm::AssignRequest& request) {
  auto host = SelectOne(tree, text);
  if (host) request.host = *host;
  if (host) return {};
  const auto range = has_fallback && text.find('#') != std::string_view::npos
                         ? SelectVfRange(tree, text)
                         : base::Result<VfRange>(base::Failure(host.error()));
  const bool absent = range && range->first == range->last &&
                      !tree.Exists(fmt::format("/sys/bus/pci/devices/{}/virtfn{}",
                                               range->pf.ToString(), range->first));
  if (!absent) return base::Failure(std::move(host).error());
  request.host = range->pf;
  request.absent = std::move(host).error();
  return {};
}

// A descriptor is of a device that can be had; a fallback has a port of its own.
base::Status CheckFallback(std::string_view text, const vmm::AssignRequest& request,
                           bool descriptor) {
  if (!request.fallback || (!descriptor && !request.guest_slot)) return {};
  return Fail(Code::kUsage, fmt::format("--assign {}: fallback= does not go with {}", text,
                                        descriptor ? "fd=" : "addr="));
}

base::Result<vmm::AssignRequest> ParseAssign(const sysfs::Tree& tree, std::string_view text,
                                             std::vector<vfio::HandedOver>& handed_over) {
  const auto parts = base::Split(text, ',');
  vmm::AssignRequest request;
  const auto descriptor = TRY(ParseDescriptor(tree, parts.front()));
  const bool has_fallback = std::any_of(parts.begin() + 1, parts.end(), [](std::string_view one) {
    return one.starts_with("fallback=");
  });
  if (!descriptor) TRY(SelectAssigned(tree, parts.front(), has_fallback, request));
  std::optional<sysfs::PciAddress> named;
  std::set<std::string_view> seen;
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::string_view name = parts[i].substr(0, parts[i].find('='));
    if (!seen.insert(name).second)
      return Fail(Code::kUsage, fmt::format("--assign {}: {}= is given twice", text, name));
    if (parts[i].starts_with("addr=")) {
      request.guest_slot = TRY(ParseSlot(parts[i].substr(5)));
    } else if (parts[i].starts_with("id=")) {
      request.id = parts[i].substr(3);
      TRY(vmm::control::CheckDeviceId(request.id));
    } else if (parts[i].starts_with("config=")) {
      request.config = TRY(vmm::assigned::ParsePolicy(parts[i].substr(7)));
    } else if (parts[i].starts_with("rom=")) {
      request.rom = TRY(vmm::assigned::ParseRomRequest(parts[i].substr(4)));
    } else if (parts[i].starts_with("token=")) {
      request.vf_token = TRY(vfio::VfToken::Parse(parts[i].substr(6)));
    } else if (parts[i].starts_with("fallback=")) {
      request.fallback = TRY(ParseFallback(parts[i].substr(9)));
    } else if (descriptor && parts[i].starts_with("host=")) {
      named = TRY(SelectOne(tree, parts[i].substr(5)));
    } else {
      return Fail(Code::kUsage, fmt::format("--assign {}: unknown option \"{}\"", text, parts[i]),
                  "--assign takes DEV or fd=N[,host=DEV], then [,addr=SLOT][,id=ID]"
                  "[,config=POLICY][,rom=FILE|off][,token=UUID][,fallback=virtio[:NAME]]");
    }
  }
  TRY(CheckFallback(text, request, descriptor.has_value()));
  if (!descriptor) return request;
  request.host = TRY(vfio::DeviceOf(tree, *descriptor, named));
  handed_over.push_back(*descriptor);
  return request;
}

base::Status ParseDma(const sysfs::Tree& tree, std::string_view text, vmm::Options& options) {
  const auto descriptor = TRY(ParseDescriptor(tree, text));
  if (!descriptor) {
    options.dma = TRY(ParseBackend(text));
    return {};
  }
  if (descriptor->device || descriptor->group) {
    return Fail(Code::kUsage, fmt::format("--dma {}: is {}, a device's", text, descriptor->node),
                fmt::format("--assign {}", text));
  }
  options.handed_over.push_back(*descriptor);
  return {};
}

// Given and empty: a shell variable without a value, mostly.
base::Result<std::string> ParseFile(std::string_view option,
                                    const std::optional<std::string>& text) {
  if (text && text->empty())
    return Fail(Code::kUsage, fmt::format("{}: the file's name is empty", option));
  return text.value_or("");
}

// Sanitizers make calls of their own.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VMM_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VMM_SANITIZED
#endif
#ifdef VMM_SANITIZED
constexpr std::string_view kSeccomp = "off";
#else
constexpr std::string_view kSeccomp = "on";
#endif

base::Result<vmm::confinement::Mode> ParseSeccomp(std::string_view text) {
  using vmm::confinement::Mode;
  if (text == "on") return Mode::kOn;
  if (text == "log") return Mode::kLog;
  if (text == "off") return Mode::kOff;
  return Fail(Code::kUsage, fmt::format("--seccomp {}: not a mode", text), "use on, log or off");
}

// All descriptors are of one kind of DMA space, which is the machine's.
base::Status AgreeOnBackend(vmm::Options& options) {
  for (const vfio::HandedOver& one : options.handed_over) {
    if (options.dma == vfio::Backend::kAuto) options.dma = one.backend();
    if (options.dma == one.backend()) continue;
    return Fail(Code::kUsage,
                fmt::format("fd={}: {} does not go with the rest", one.number, one.node),
                "either device files and an iommufd, or groups and a container (--dma type1)");
  }
  return {};
}

// Nobody could make a stopped machine go on.
base::Status CheckErrorPolicies(const vmm::Options& options) {
  using vmm::virtio::ErrorPolicy;
  if (!options.name.empty() || !options.monitor.empty()) return {};
  for (const vmm::virtio::BlkOptions& disk : options.disks) {
    const ErrorPolicy read = disk.errors.read.value_or(ErrorPolicy::kReport);
    const ErrorPolicy write = disk.errors.write.value_or(ErrorPolicy::kReport);
    if (read == ErrorPolicy::kReport && write == ErrorPolicy::kReport) continue;
    return Fail(Code::kUsage,
                fmt::format("--disk {}: {}={} without a monitor", disk.image.file,
                            read == ErrorPolicy::kReport ? "werror" : "rerror",
                            PolicyName(read == ErrorPolicy::kReport ? write : read)),
                "give the machine a --name, so that vmm ctl NAME resume makes it go on");
  }
  return {};
}

// An empty text is no number, but CLI11 would take the default then.
std::string NotEmpty(const std::string& text) { return text.empty() ? "a number is missing" : ""; }

void AddEmulatedOptions(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--disk", arguments.disks,
                  "A virtio disk from a raw image or a block device (repeatable)")
      ->type_name(std::string(vmm::virtio::kDiskForm))
      ->expected(1)
      ->take_all();
  command
      .add_option("--net", arguments.nets,
                  "A virtio network device on a tap or a socket (repeatable)")
      ->type_name(std::string(vmm::virtio::kNetForm))
      ->expected(1)
      ->take_all();
  command.add_flag("--rng", arguments.rng, "A virtio source of random numbers");
  // Without a value it is given as "true".
  command
      .add_option("--balloon", arguments.balloon,
                  "A virtio balloon, by which the guest gives memory back to the host")
      ->type_name("[=" + std::string(vmm::virtio::kBalloonForm) + "]")
      ->expected(0, 1);
}

}  // namespace

base::Result<vmm::Options> MakeOptions(const sysfs::Tree& tree, const RunArguments& arguments) {
  vmm::Options options;
  options.kernel = TRY(ParseFile("--kernel", arguments.kernel));
  options.initrd = TRY(ParseFile("--initrd", arguments.initrd));
  options.append = arguments.append;
  options.exec = arguments.exec;
  const ConsoleOption console = TRY(ParseConsole(arguments.console));
  options.console = console.file;
  options.virtio_console = console.virtio;
  options.stats = arguments.stats;
  options.managed = arguments.managed.wanted;
  options.seccomp = TRY(ParseSeccomp(arguments.seccomp.value_or(std::string(kSeccomp))));
  options.name = arguments.name.value_or("");
  options.monitor = arguments.monitor.value_or("");
  if (arguments.name) TRY(vmm::control::CheckMachineName(options.name));
  if (arguments.monitor) TRY(vmm::control::CheckSocketPath(options.monitor));
  TRY(ParseDma(tree, arguments.dma, options));
  if (arguments.cpus < 1 || arguments.cpus > vmm::kMaxCpus) {
    return Fail(Code::kUsage,
                fmt::format("--cpus {}: not between 1 and {}", arguments.cpus, vmm::kMaxCpus));
  }
  options.cpus = arguments.cpus;
  if (arguments.hotplug > vmm::kMostHotplugPorts) {
    return Fail(Code::kUsage, fmt::format("--hotplug {}: not between 0 and {}", arguments.hotplug,
                                          vmm::kMostHotplugPorts));
  }
  options.hotplug_ports = arguments.hotplug;
  TRY(ParseMemory(arguments.memory, options));
  if (options.exec && !options.initrd.empty()) {
    return Fail(Code::kUsage, "--exec runs in the generated guest: it cannot go with --initrd");
  }
  for (const std::string& text : arguments.assign) {
    options.assign.push_back(TRY(ParseAssign(tree, text, options.handed_over)));
  }
  for (const std::string& text : arguments.disks) {
    auto disk = vmm::virtio::ParseDisk(base::Split(text, ','), options.cpus);
    if (!disk) return base::Failure(std::move(disk).error().With("--disk " + text));
    options.disks.push_back(std::move(*disk));
  }
  for (const std::string& text : arguments.nets) {
    auto net = vmm::virtio::ParseNet(base::Split(text, ','));
    if (!net) return base::Failure(std::move(net).error().With("--net " + text));
    options.nets.push_back(std::move(*net));
  }
  TRY(CheckErrorPolicies(options));
  options.rng = arguments.rng;
  if (!arguments.balloon.empty()) {
    const std::string& text = arguments.balloon.front();
    std::vector<std::string_view> parts;
    if (text != "true" && !text.empty()) parts = base::Split(text, ',');
    auto balloon = vmm::virtio::ParseBalloon(parts);
    if (!balloon) return base::Failure(std::move(balloon).error().With("--balloon " + text));
    options.balloon = *balloon;
  }
  TRY(AgreeOnBackend(options));
  return options;
}

void AddMachineOptions(CLI::App& command, RunArguments& arguments) {
  command.add_option("--assign", arguments.assign, "Give this device to the guest (repeatable)")
      ->type_name(
          "DEV|fd=N[,addr=SLOT][,id=ID][,config=POLICY][,rom=FILE|off][,token=UUID]"
          "[,fallback=virtio[:NAME]]")
      ->expected(1)
      ->take_all();
  AddEmulatedOptions(command, arguments);
  command
      .add_option("--hotplug", arguments.hotplug,
                  "Ports for devices that come later, 0 to 30 (default 2)")
      ->check(NotEmpty)
      ->type_name("N");
  command.add_option("--cpus", arguments.cpus, "Virtual processors, 1 to 32")
      ->check(NotEmpty)
      ->type_name("N");
  command
      .add_option("--memory", arguments.memory,
                  "Guest RAM: 512M, 4G; of reserved huge pages with pages=; mergeable by KSM")
      ->type_name("SIZE[,pages=2M|1G][,mergeable]");
  command.add_option("--kernel", arguments.kernel, "bzImage or vmlinux; without it the host's own")
      ->type_name("FILE");
  command.add_option("--initrd", arguments.initrd, "Initial RAM file system")->type_name("FILE");
  command.add_option("--append", arguments.append, "Added to the kernel's command line")
      ->type_name("TEXT");
  command
      .add_option("--exec", arguments.exec,
                  "Run this shell command in the generated guest; its output and status are ours")
      ->type_name("CMD");
  command
      .add_option("--console", arguments.console,
                  "Write the console to this file; virtio: the console is a virtio device's")
      ->type_name(std::string(kConsoleForm));
  command
      .add_option("--dma", arguments.dma,
                  "DMA back end: auto, iommufd, type1, or fd=N, the descriptor of one")
      ->type_name("NAME");
  command
      .add_option("--name", arguments.name,
                  "Name of the machine, for vmm ps and vmm ctl; no two have the same")
      ->type_name("NAME");
  command
      .add_option("--monitor", arguments.monitor,
                  "UNIX socket of the monitor (QMP); with --name there is one without this")
      ->type_name("SOCKET");
  arguments.managed.Add(command);
  command
      .add_option(
          "--seccomp", arguments.seccomp,
          "System calls beyond the threads' lists: on (the end of the machine), log (to the "
          "kernel's log), off")
      ->type_name("MODE");
}

}  // namespace cli
