#include "cli/completion_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "sysfs/evidence/force.h"

namespace cli {
namespace {

// clang-format off
constexpr std::string_view kHead = R"sh(# bash completion of vassign; made by: vassign completion bash
_vassign()
{
    local cur prev words cword i command="" options="" devices=""
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n : cur prev words cword
    else
        cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    fi
    COMPREPLY=()
    for ((i = 1; i < cword; i++)); do
        if [[ ${words[1]} == with && ${words[i]} == -- ]]; then
            COMPREPLY=($(compgen -c -- "$cur"))
            return
        fi
        case "$command ${words[i]}" in
)sh";

constexpr std::string_view kValues = R"sh(
    case $prev in
        --driver)
            COMPREPLY=($(compgen -W "$(cd /sys/bus/pci/drivers 2>/dev/null && echo *)" -- "$cur"))
            return
            ;;
        --force)
            [[ $command == " restore" ]] && options=assigned || options="@REASONS@"
            COMPREPLY=($(compgen -W "$options" -- "$cur"))
            return
            ;;
        --sysroot)
            COMPREPLY=($(compgen -f -- "$cur"))
            return
            ;;
    esac
)sh";

constexpr std::string_view kTail = R"sh(
    if [[ $cur != -* && -n $devices ]]; then
        options+=" $(vassign list --no-headers -o bdf 2>/dev/null)"
    fi
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    if declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "$cur"
    fi
}
complete -F _vassign vassign
)sh";
// clang-format on

struct Command {
  std::string path;  // " sriov set"
  std::vector<std::string> words;
  bool takes_devices = false;
};

bool IsDevice(std::string_view positional) {
  return positional == "DEV" || positional == "SELECTOR" || positional.starts_with("PF");
}

void Collect(const CLI::App& app, const std::string& path, std::vector<Command>& commands) {
  Command command;
  command.path = path;
  const auto subcommands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* one : subcommands) command.words.push_back(one->get_name());
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) command.words.push_back("--" + name);
    if (option->get_positional() && IsDevice(option->get_single_name()))
      command.takes_devices = true;
  }
  commands.push_back(std::move(command));
  for (const CLI::App* one : subcommands) Collect(*one, path + " " + one->get_name(), commands);
}

std::string Reasons() {
  std::string text;
  for (const sysfs::ForceReason reason :
       {sysfs::ForceReason::kMounted, sysfs::ForceReason::kNetdev, sysfs::ForceReason::kSsh,
        sysfs::ForceReason::kConsole, sysfs::ForceReason::kGroup, sysfs::ForceReason::kNoReset,
        sysfs::ForceReason::kForeign}) {
    text += fmt::format("{}{}", text.empty() ? "" : " ", Name(reason));
  }
  return text;
}

std::string Replaced(std::string_view text, std::string_view mark, std::string_view value) {
  std::string result(text);
  if (const size_t at = result.find(mark); at != std::string::npos)
    result.replace(at, mark.size(), value);
  return result;
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  std::vector<Command> commands;
  Collect(app, "", commands);
  std::string script(kHead);
  std::vector<std::string> paths;
  for (const Command& one : commands) {
    if (!one.path.empty()) paths.push_back("\"" + one.path + "\"");
  }
  script += fmt::format("            {}) command+=\" ${{words[i]}}\" ;;\n        esac\n    done",
                        fmt::join(paths, " | "));
  script += Replaced(kValues, "@REASONS@", Reasons());
  script += "    case $command in\n";
  for (const Command& one : commands) {
    script += fmt::format("        \"{}\") options=\"{}\"{} ;;\n", one.path,
                          fmt::join(one.words, " "), one.takes_devices ? " devices=yes" : "");
  }
  return script + "    esac" + std::string(kTail);
}

void AddCompletionCommand(CLI::App& app, Context& context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print the completion script of a shell");
  command->add_option("SHELL", *shell, "bash")
      ->type_name("")
      ->required()
      ->check([](const std::string& text) {
        return text == "bash" ? std::string() : text + ": only bash has one";
      });
  command->footer(
      "For this shell: source <(vassign completion bash)\n"
      "For every one: vassign completion bash >/etc/bash_completion.d/vassign");
  command->callback([shell, &app, &context] {
    context.run = [&app, &context]() -> base::Status {
      context.out << BashCompletion(app);
      return {};
    };
  });
}

}  // namespace cli
