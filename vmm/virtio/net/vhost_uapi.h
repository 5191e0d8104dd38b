// The kernel's interface of vhost (include/uapi/linux/vhost.h), for its one user and the user's
// test.
#pragma once

// Without the inline functions of older drivers, which are no C++ (linux/virtio_ring.h).
#ifndef VIRTIO_RING_NO_LEGACY
#define VIRTIO_RING_NO_LEGACY
#endif
#include <linux/vhost.h>
