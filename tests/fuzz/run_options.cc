// The command line of `vmm run`, and the values of its options.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <sstream>

#include "cli/machines/machine_options.h"
#include "cli/parse.h"
#include "cli/run_command.h"
#include "sysfs/base/text.h"
#include "tests/fuzz/input.h"
#include "tests/support/recorded_host.h"
#include "vmm/layout.h"

namespace {

const std::unique_ptr<test::FakeTree>& Host() {
  static const std::unique_ptr<test::FakeTree> host = test::LoadHost("host.txt");
  return host;
}

// A text that often begins or ends like a right one.
std::string TakeText(test::Input& input) {
  const char* const known = input.PickValueInArray(
      {"", "08:00.0", "0000:08:00.0", "net:eth1", "block:nvme0n1", "group:17", "8086:10c9",
       "/sys/class/net/", ",addr=", ",addr=05.0", ",config=", ",config=strict", "512M", "4G", "0x",
       "K", "iommufd", "18446744"});
  const std::string random = input.ConsumeRandomLengthString(12);
  return input.ConsumeBool() ? known + random : random + known;
}

cli::RunArguments TakeArguments(test::Input& input) {
  cli::RunArguments arguments;
  arguments.cpus = input.ConsumeIntegralInRange(0u, 64u);
  if (input.ConsumeBool()) arguments.memory = TakeText(input);
  if (input.ConsumeBool()) arguments.dma = TakeText(input);
  if (input.ConsumeBool()) arguments.exec = TakeText(input);
  if (input.ConsumeBool()) arguments.initrd = TakeText(input);
  for (auto count = input.ConsumeIntegralInRange(0, 3); count > 0; --count)
    arguments.assign.push_back(TakeText(input) + TakeText(input));
  return arguments;
}

void CheckOptions(const cli::RunArguments& arguments) {
  const auto options = cli::MakeOptions(*Host(), arguments);
  if (!options) {
    test::Check(!options.error().message().empty(), "an error says what is wrong");
    return;
  }
  test::Check(options->cpus >= 1 && options->cpus <= vmm::kMaxCpus, "1 to 32 processors");
  test::Check(options->memory_bytes != 0 && options->memory_bytes % base::kPageSize == 0,
              "memory is whole pages");
  for (const vmm::AssignRequest& request : options->assign) {
    test::Check(!request.guest_slot || (*request.guest_slot >= 1 && *request.guest_slot <= 31),
                "a slot is 1 to 31");
  }
  vmm::PlanLayout({.memory_bytes = options->memory_bytes}).has_value();
}

void ParseLine(test::Input& input) {
  std::vector<std::string> words = {"vmm"};
  if (input.ConsumeBool()) words.emplace_back("run");
  for (auto count = input.ConsumeIntegralInRange(0, 6); count > 0; --count) {
    const char* const option = input.PickValueInArray(
        {"", "--assign", "--cpus", "--memory", "--kernel", "--initrd", "--append", "--exec",
         "--console", "--dma", "--stats", "--help", "--version", "--", "-", "run"});
    words.push_back(option + (input.ConsumeBool() ? "=" + TakeText(input) : std::string()));
    if (input.ConsumeBool()) words.push_back(TakeText(input));
  }
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  CLI::App app("fuzz", "vmm");
  std::ostringstream out, err;
  cli::Context context(nullptr, out, err);
  app.require_subcommand(1);
  cli::AddRunCommand(app, context);
  const auto parsed =
      cli::Parse(app, static_cast<int>(pointers.size()), pointers.data(), context.out);
  test::Check(parsed || parsed.error().code() == base::Code::kUsage, "a wrong line is kUsage");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  if (input.ConsumeBool()) {
    ParseLine(input);
  } else {
    CheckOptions(TakeArguments(input));
  }
  return 0;
}
