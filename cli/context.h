// What every command of `vassign` works with: the host, the names, the way to answer.
//
// Used by one thread. Tests give a tree in memory and string streams.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "cli/devices/watch_source.h"
#include "sriov/host.h"
#include "sysfs/assignment/assignment.h"
#include "sysfs/base/result.h"
#include "sysfs/holders.h"
#include "sysfs/names.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace cli {

struct Nodes;
class Pins;

struct Context {
  Context(std::unique_ptr<sysfs::Tree> host, std::ostream& result, std::ostream& message)
      : tree(std::move(host)), out(result), err(message) {}

  std::unique_ptr<sysfs::Tree> tree;
  sysfs::Names names;
  std::ostream& out;      // the answer; nothing but one JSON value with --json
  std::ostream& err;      // errors, warnings, progress
  std::string sysroot;    // --sysroot; empty for the running host
  bool json = false;      // --json
  bool colour = false;    // on a terminal without NO_COLOR
  unsigned width = 0;     // of the terminal; 0 when there is none, for no limit
  bool progress = false;  // `err` is a terminal: what takes long may show how far it is
  // What needs this function right now. Without it the column and the JSON field are left out: an
  // empty cell would say "free".
  std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> use_marks;
  // The same for a report of one device, which may ask more. Empty: as use_marks.
  std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> close_look;
  // The device number behind a path, to recognise a node under another name. Empty: by its name.
  sysfs::DeviceNumber device_number;
  // How the commands that change something reach the host; empty: for real. Tests give another one.
  std::function<sysfs::AssignmentHost(sysfs::Tree&)> assignment_host;
  // The same for virtual functions: cards, drives and udev.
  std::function<sriov::Host(sysfs::AssignmentHost&)> sriov_host;
  // What the kernel has logged since a command began to change something. Empty: not known.
  std::function<std::string()> kernel_log;
  std::vector<std::string> command;  // what stands behind -- in `vassign with`
  // The declarative file's own means; empty: the running host's. Tests give others.
  std::shared_ptr<Pins> pins;
  std::shared_ptr<Nodes> nodes;
  std::function<base::Status()> start_guard;
  std::string machines;  // folder of the running machines; empty: the user's own
  // What wakes `watch` up; empty: the running host's events and signals.
  std::function<base::Result<WatchSource>()> watch_source;
  bool reader_left = false;  // a write to `out` failed because nobody reads it, which is fine
  int status = 0;  // what a command that succeeded ends with (a guest command's own status)
  // The chosen command, set while the arguments are parsed and called afterwards.
  std::function<base::Status()> run;
};

}  // namespace cli
