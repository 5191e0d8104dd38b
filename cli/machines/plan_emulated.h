// Sections of `vmm plan` on emulated devices: disks, network devices, the balloon,
// the console. Pure.
#pragma once

#include "cli/json_text.h"
#include "cli/page.h"
#include "vmm/options.h"
#include "vmm/preview/preview.h"

namespace cli {

void AddDisk(Page& page, const vmm::virtio::BlkOptions& disk, const vmm::DiskPreview& seen);
Json DiskJson(const vmm::virtio::BlkOptions& disk, const vmm::DiskPreview& seen);
void AddNet(Page& page, const vmm::virtio::NetOptions& net, const vmm::NetPreview& seen);
Json NetJson(const vmm::virtio::NetOptions& net, const vmm::NetPreview& seen);
// The machine has one.
void AddBalloon(Page& page, const vmm::Options& options, const vmm::MachinePreview& preview);
// null without one.
Json ConsoleJson(const vmm::Options& options, const vmm::MachinePreview& preview);
// The machine has one.
void AddConsole(Page& page, const vmm::Options& options, const vmm::MachinePreview& preview);
// null without one.
Json BalloonJson(const vmm::Options& options, const vmm::MachinePreview& preview);

}  // namespace cli
