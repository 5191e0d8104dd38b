// Disks as the monitor shows them: query-block and the events of their errors, with QEMU's members
// (BlockInfo, BLOCK_IO_ERROR) as far as they mean something here.
//
// All pure.
#pragma once

#include <string>
#include <string_view>

#include "vmm/control/json.h"
#include "vmm/virtio/blk/blk.h"

namespace vmm::control {

Json BlockJson(const std::string& id, const virtio::BlkOptions& options,
               const virtio::BlkView& view);
// Data of BLOCK_IO_ERROR.
Json IoErrorData(const std::string& id, const virtio::BlkFault& fault);
// Data of DEVICE_QUEUE_BROKEN, an event of ours in the shape of DEVICE_DELETED.
Json QueueBrokenData(const std::string& id, unsigned queue, std::string_view reason);

}  // namespace vmm::control
