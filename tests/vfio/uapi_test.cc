// The kernel's interface as numbers; built with the headers' declarations and with our own.
#include "vfio/uapi.h"

#include <gtest/gtest.h>

namespace vfio::uapi {
namespace {

TEST(Uapi, RequestsAreThoseOfTheKernel) {
  EXPECT_EQ(kBindIommufd, 0x3b76u);
  EXPECT_EQ(kAttachIommufdPt, 0x3b77u);
  EXPECT_EQ(kIoasAlloc, 0x3b81u);
  EXPECT_EQ(kIoasIovaRanges, 0x3b84u);
  EXPECT_EQ(kIoasMap, 0x3b85u);
  EXPECT_EQ(kIoasUnmap, 0x3b86u);
  EXPECT_EQ(static_cast<unsigned long>(VFIO_DEVICE_SET_IRQS), 0x3b6eu);
}

#ifdef VASSIGN_OWN_UAPI
TEST(Uapi, TheOptionKeepsTheHeadersOut) {
#if defined(VASSIGN_HAVE_IOMMUFD_HEADER) || defined(VASSIGN_HAVE_CDEV_HEADER)
  FAIL() << "a header's declarations are in use";
#endif
}
#endif

}  // namespace
}  // namespace vfio::uapi
