// `vassign sriov vf`: what a physical function decides for one of its virtual ones.
#include <memory>

#include "cli/assignment_output.h"
#include "cli/devices/vf_selector.h"
#include "cli/functions/command.h"
#include "cli/functions/host.h"
#include "cli/functions/output.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

struct VfOptions {
  std::string function;
  std::string mac, vlan, qos, trust, spoof_check, min_rate, max_rate, link, msix;
  ChangingOptions changing;
};

base::Failure Wrong(const char* option, const std::string& text, const char* wanted) {
  return base::Fail(base::Code::kUsage, std::string(option) + " " + base::Quote(text) + ": wrong",
                    std::string(option) + " takes " + wanted);
}

base::Result<std::optional<uint32_t>> Number(const char* option, const std::string& text,
                                             uint32_t most, const char* wanted) {
  if (text.empty()) return std::optional<uint32_t>();
  const auto number = base::ParseDecimal(text, most);
  if (!number) return Wrong(option, text, wanted);
  return std::optional<uint32_t>(static_cast<uint32_t>(*number));
}

base::Result<std::optional<bool>> Switch(const char* option, const std::string& text) {
  if (text.empty()) return std::optional<bool>();
  if (text != "on" && text != "off") return Wrong(option, text, "on or off");
  return std::optional<bool>(text == "on");
}

base::Result<std::optional<sriov::LinkState>> LinkOf(const std::string& text) {
  using sriov::LinkState;
  if (text.empty()) return std::optional<LinkState>();
  for (const LinkState state : {LinkState::kAuto, LinkState::kEnable, LinkState::kDisable}) {
    if (text == sriov::Name(state)) return std::optional<LinkState>(state);
  }
  return Wrong("--link", text, "auto, enable or disable");
}

base::Result<sriov::VfRequest> RequestOf(const VfOptions& options) {
  constexpr uint32_t kLastVlan = 4094;
  sriov::VfRequest request;
  sriov::VfAttributes& attributes = request.attributes;
  if (!options.mac.empty()) attributes.mac = TRY(sriov::MacAddress::Parse(options.mac));
  const auto vlan =
      TRY(Number("--vlan", options.vlan, kLastVlan, "a number from 0 (none) to 4094"));
  const auto qos = TRY(Number("--qos", options.qos, 7, "a priority from 0 to 7"));
  if (qos && !vlan)
    return base::Fail(base::Code::kUsage, "--qos: is a VLAN's priority", "give --vlan too");
  if (vlan) {
    attributes.vlan =
        sriov::Vlan{static_cast<uint16_t>(*vlan), static_cast<uint8_t>(qos.value_or(0))};
  }
  attributes.trust = TRY(Switch("--trust", options.trust));
  attributes.spoof_check = TRY(Switch("--spoof-check", options.spoof_check));
  attributes.link = TRY(LinkOf(options.link));
  constexpr const char* kRate = "Mbit/s, 0 for no limit";
  request.min_rate = TRY(Number("--min-rate", options.min_rate, INT32_MAX, kRate));
  request.max_rate = TRY(Number("--max-rate", options.max_rate, INT32_MAX, kRate));
  request.msix_count = TRY(Number("--msix-count", options.msix, 2048, "a number up to 2048"));
  const bool is_empty = attributes == sriov::VfAttributes() && !request.min_rate &&
                        !request.max_rate && !request.msix_count;
  if (!is_empty) return request;
  return base::Fail(base::Code::kUsage, "sriov vf: nothing is to be set",
                    "vassign sriov vf --help lists the options; vassign sriov show shows what is");
}

base::Status RunVf(Context& context, const VfOptions& options) {
  sriov::VfRequest request = TRY(RequestOf(options));
  const VfRange range = TRY(SelectVfRange(*context.tree, options.function));
  if (range.first != range.last) {
    return base::Fail(base::Code::kUsage,
                      base::Quote(options.function) + ": this command sets one function at a time");
  }
  request.pf = range.pf;
  request.index = range.first;
  const auto reach = TRY(ReachSriov(context, "sriov vf", options.changing));
  if (options.changing.dry_run) {
    const auto plan = TRY(sriov::PlanVf(reach->host(), request));
    PrintSteps(context, plan.pf, plan.steps, {});
    return {};
  }
  auto outcome = TRY(sriov::SetVf(reach->host(), request));
  for (auto* pf : {&outcome.before, &outcome.after})
    std::erase_if(pf->functions, [&](const auto& one) { return one.index != request.index; });
  PrintOutcome(context, "vassign.sriov.vf/1", outcome);
  return {};
}

void AddOptions(CLI::App& command, VfOptions& options) {
  command.add_option("--mac", options.mac, "Its MAC address")->type_name("M");
  command.add_option("--vlan", options.vlan, "VLAN that its traffic is put into, 0 for none")
      ->type_name("V");
  command.add_option("--qos", options.qos, "Priority in that VLAN, 0 to 7")->type_name("Q");
  command.add_option("--trust", options.trust, "May choose its address and see all traffic")
      ->type_name("on|off");
  command.add_option("--spoof-check", options.spoof_check, "Only its own address may send")
      ->type_name("on|off");
  command.add_option("--min-rate", options.min_rate, "Mbit/s that it gets at least, 0 for none")
      ->type_name("R");
  command.add_option("--max-rate", options.max_rate, "Mbit/s that it gets at most, 0 for no limit")
      ->type_name("R");
  command.add_option("--link", options.link, "Its link: as the port's, always up, always down")
      ->type_name("auto|enable|disable");
  command.add_option("--msix-count", options.msix, "MSI-X vectors, while it has no driver")
      ->type_name("N");
}

}  // namespace

void AddSriovVfCommand(CLI::App& sriov, Context& context) {
  auto options = std::make_shared<VfOptions>();
  CLI::App* command = sriov.add_subcommand("vf", "Configure one virtual function");
  command->add_option("PF#I", options->function, "Number I of the physical function, from 0 on")
      ->type_name("")
      ->required();
  AddOptions(*command, *options);
  AddChangingOptions(*command, context, options->changing);
  command->footer(
      "What was set before is put back by vassign restore PF. What the card's driver cannot set\n"
      "is refused (12).");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunVf(context, *options); };
  });
}

}  // namespace cli
