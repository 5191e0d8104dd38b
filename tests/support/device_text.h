// A VFIO device from its description, one line each; `#` comments to the end of its line.
//
//   config 0x00: 86 80 ca 10 ...      bytes of configuration space, hexadecimal
//   capability 11 0xb0: 0f 00 ...     id, place and what follows its header; linked in their order
//   extended 0001 0x100: 00 00 ...    the same from 0x100 on
//   region 0 0x10000 rw map           BAR 0 to 5, 6 the ROM; flags r, w, map, msix-mappable
//   area 0 0x0 0x2000                 of a region's sparse-mmap list
//   irq msix 16 eventfd noresize      intx, msi, msix, error, request; also maskable, automasked
//   free-vectors 5 | no-reset
//
// What a kernel must not say, as a field of a reply that is overwritten:
//
//   hostile region 0 size 0xfffffffffffff000     argsz, flags, size, offset, cap_offset
//   hostile region 0 chain loop                  its capabilities form a ring; `grows`: argsz for
//                                                ever, `short`: the chain points outside
//   hostile irq msix count 0xffffffff            count, flags
//   hostile info regions 0xffffffff              regions, irqs, flags
//   hostile set-irqs 1000000                     what VFIO_DEVICE_SET_IRQS returns
#pragma once

#include <string_view>

#include "tests/support/fake_vfio_device.h"

namespace test {

// A line that is none of these fails the test and is named.
void Describe(FakeVfioDevice& device, std::string_view text);

}  // namespace test
