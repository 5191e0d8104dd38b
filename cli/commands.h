// The commands of `vassign`, each in a file of its own.
//
// The pattern: AddXxxCommand makes a subcommand, registers its options on a struct that the
// subcommand's callback keeps alive, and the callback sets Context::run. Nothing happens while the
// arguments are parsed. A command prints its result on Context::out and returns; an error that it
// returns is reported once, by RunVassign (text or JSON), and its code is the exit status.
//
//   void AddListCommand(CLI::App& app, Context& context) {
//     auto options = std::make_shared<ListOptions>();
//     CLI::App* command = app.add_subcommand("list", "Show the PCI devices of this host");
//     AddReadingOptions(*command, context);
//     command->add_option("SELECTOR", options->selectors, "...");
//     command->callback([options, &context] {
//       context.run = [options, &context] { return RunList(context, *options); };
//     });
//   }
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

// --json, for a command of any kind.
void AddJsonOption(CLI::App& command, Context& context);
// --json and --sysroot, for a command that only reads.
void AddReadingOptions(CLI::App& command, Context& context);

}  // namespace cli
