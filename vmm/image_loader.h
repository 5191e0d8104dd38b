// What a machine boots, read into its memory beside all else that a start does.
//
// Threads: the one that makes it, with one of its own, which is confined as those that open
// devices.
#pragma once

#include <optional>

#include "sysfs/base/result.h"
#include "vmm/boot/boot.h"
#include "vmm/thread.h"

namespace vmm {

class ImageLoader {
 public:
  // All of them outlive it, and nobody else touches the image until Take. Where no thread can be
  // started, Take does the work.
  ImageLoader(boot::BootImage& image, const GuestMemory& memory, const Layout& layout);
  ImageLoader(const ImageLoader&) = delete;
  ImageLoader& operator=(const ImageLoader&) = delete;

  // Waits for it. Once.
  base::Result<boot::EntryState> Take();

 private:
  boot::BootImage* const image_;
  const GuestMemory* const memory_;
  const Layout* const layout_;
  std::optional<base::Result<boot::EntryState>> loaded_;  // the thread's until it has ended
  Thread thread_;
};

}  // namespace vmm
