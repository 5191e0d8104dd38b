// The kernel's VFIO and iommufd interfaces; the only include of their headers.
//
// A distribution's headers may be older than the running kernel (Debian 12: 6.1, before iommufd and
// the device files), so what may be missing is declared here, by the names of the kernel in
// vfio::uapi. Sizes and offsets are checked against the ABI. VASSIGN_OWN_UAPI makes the build use
// our declarations even where the headers have them.
#pragma once

#include <linux/ioctl.h>
#include <linux/vfio.h>

#include <cstddef>
#include <cstdint>

#if !defined(VASSIGN_OWN_UAPI) && __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>
#define VASSIGN_HAVE_IOMMUFD_HEADER 1
#endif
#if !defined(VASSIGN_OWN_UAPI) && defined(VFIO_DEVICE_BIND_IOMMUFD)
#define VASSIGN_HAVE_CDEV_HEADER 1
#endif

namespace vfio::uapi {

// VFIO device files, Linux 6.6 (include/uapi/linux/vfio.h).
#ifdef VASSIGN_HAVE_CDEV_HEADER
using ::vfio_device_attach_iommufd_pt;
using ::vfio_device_bind_iommufd;
#else
struct vfio_device_bind_iommufd {
  uint32_t argsz;
  uint32_t flags;
  int32_t iommufd;
  uint32_t out_devid;
};
struct vfio_device_attach_iommufd_pt {
  uint32_t argsz;
  uint32_t flags;
  uint32_t pt_id;
};
#endif

// The same with a VF token, Linux 6.18: behind the older one.
struct bind_iommufd_with_token {
  uint32_t argsz;
  uint32_t flags;
  int32_t iommufd;
  uint32_t out_devid;
  uint64_t token_uuid_ptr;
};

// iommufd, Linux 6.2 (include/uapi/linux/iommufd.h).
#ifdef VASSIGN_HAVE_IOMMUFD_HEADER
using ::iommu_destroy;
using ::iommu_ioas_alloc;
using ::iommu_ioas_iova_ranges;
using ::iommu_ioas_map;
using ::iommu_ioas_unmap;
using ::iommu_iova_range;
#else
struct iommu_destroy {
  uint32_t size;
  uint32_t id;
};
struct iommu_ioas_alloc {
  uint32_t size;
  uint32_t flags;
  uint32_t out_ioas_id;
};
struct iommu_iova_range {
  uint64_t start;
  uint64_t last;
};
struct iommu_ioas_iova_ranges {
  uint32_t size;
  uint32_t ioas_id;
  uint32_t num_iovas;
  uint32_t reserved_field;
  uint64_t allowed_iovas;
  uint64_t out_iova_alignment;
};
struct iommu_ioas_map {
  uint32_t size;
  uint32_t flags;
  uint32_t ioas_id;
  uint32_t reserved_field;
  uint64_t user_va;
  uint64_t length;
  uint64_t iova;
};
struct iommu_ioas_unmap {
  uint32_t size;
  uint32_t ioas_id;
  uint64_t iova;
  uint64_t length;
};
#endif

// Ours on both paths, so that they can be compared with the headers' macros.
inline constexpr unsigned long kBindIommufd = _IO(';', 100 + 18);
inline constexpr unsigned long kAttachIommufdPt = _IO(';', 100 + 19);
inline constexpr uint32_t kBindFlagToken = 1;
inline constexpr unsigned long kIommuDestroy = _IO(';', 0x80);
inline constexpr unsigned long kIoasAlloc = _IO(';', 0x81);
inline constexpr unsigned long kIoasIovaRanges = _IO(';', 0x84);
inline constexpr unsigned long kIoasMap = _IO(';', 0x85);
inline constexpr unsigned long kIoasUnmap = _IO(';', 0x86);
// VFIO_PCI_HOT_RESET_FLAG_DEV_ID, VFIO_PCI_DEVID_OWNED and _NOT_OWNED: Linux 6.6. A member's number
// is then a device of our iommufd instead of a group.
inline constexpr uint32_t kHotResetDevId = 1;
inline constexpr uint32_t kHotResetNotOwned = 0xffffffff;
inline constexpr uint32_t kIoasMapFixedIova = 1;
inline constexpr uint32_t kIoasMapWriteable = 2;
inline constexpr uint32_t kIoasMapReadable = 4;

#ifdef VFIO_DEVICE_BIND_IOMMUFD
static_assert(kBindIommufd == VFIO_DEVICE_BIND_IOMMUFD);
static_assert(kAttachIommufdPt == VFIO_DEVICE_ATTACH_IOMMUFD_PT);
#endif
#ifdef VFIO_PCI_HOT_RESET_FLAG_DEV_ID
static_assert(kHotResetDevId == VFIO_PCI_HOT_RESET_FLAG_DEV_ID);
static_assert(kHotResetNotOwned == uint32_t(VFIO_PCI_DEVID_NOT_OWNED));
#endif
#ifdef VASSIGN_HAVE_IOMMUFD_HEADER
static_assert(kIommuDestroy == IOMMU_DESTROY);
static_assert(kIoasAlloc == IOMMU_IOAS_ALLOC);
static_assert(kIoasIovaRanges == IOMMU_IOAS_IOVA_RANGES);
static_assert(kIoasMap == IOMMU_IOAS_MAP);
static_assert(kIoasUnmap == IOMMU_IOAS_UNMAP);
static_assert(kIoasMapFixedIova == IOMMU_IOAS_MAP_FIXED_IOVA);
static_assert(kIoasMapWriteable == IOMMU_IOAS_MAP_WRITEABLE);
static_assert(kIoasMapReadable == IOMMU_IOAS_MAP_READABLE);
#endif

static_assert(sizeof(vfio_device_bind_iommufd) >= 16);  // newer kernels append a token
static_assert(offsetof(vfio_device_bind_iommufd, iommufd) == 8);
static_assert(offsetof(vfio_device_bind_iommufd, out_devid) == 12);
static_assert(sizeof(bind_iommufd_with_token) == 24);
static_assert(offsetof(bind_iommufd_with_token, iommufd) == 8);
static_assert(offsetof(bind_iommufd_with_token, token_uuid_ptr) == 16);
static_assert(sizeof(vfio_device_attach_iommufd_pt) >= 12);  // newer kernels append a PASID
static_assert(offsetof(vfio_device_attach_iommufd_pt, pt_id) == 8);
static_assert(sizeof(iommu_destroy) == 8);
static_assert(sizeof(iommu_ioas_alloc) == 12);
static_assert(offsetof(iommu_ioas_alloc, out_ioas_id) == 8);
static_assert(sizeof(iommu_iova_range) == 16);
static_assert(sizeof(iommu_ioas_iova_ranges) == 32);
static_assert(offsetof(iommu_ioas_iova_ranges, num_iovas) == 8);
static_assert(offsetof(iommu_ioas_iova_ranges, allowed_iovas) == 16);
static_assert(offsetof(iommu_ioas_iova_ranges, out_iova_alignment) == 24);
static_assert(sizeof(iommu_ioas_map) == 40);
static_assert(offsetof(iommu_ioas_map, user_va) == 16);
static_assert(offsetof(iommu_ioas_map, iova) == 32);
static_assert(sizeof(iommu_ioas_unmap) == 24);
static_assert(offsetof(iommu_ioas_unmap, iova) == 8);

// What every header has, as this code relies on it.
static_assert(sizeof(::vfio_info_cap_header) == 8);
static_assert(sizeof(::vfio_group_status) == 8);
static_assert(sizeof(::vfio_device_info) >= 20);  // newer headers append a pad
static_assert(sizeof(::vfio_region_info) == 32);
static_assert(sizeof(::vfio_irq_info) == 16);
static_assert(sizeof(::vfio_irq_set) == 20);
static_assert(sizeof(::vfio_pci_hot_reset_info) == 12);
static_assert(sizeof(::vfio_pci_dependent_device) == 8);
static_assert(sizeof(::vfio_pci_hot_reset) == 12);
static_assert(sizeof(::vfio_iommu_type1_info) == 24);
static_assert(sizeof(::vfio_iommu_type1_dma_map) == 32);
static_assert(sizeof(::vfio_iommu_type1_dma_unmap) == 24);

}  // namespace vfio::uapi
