#include "vmm/image_loader.h"

#include <utility>

#include "vmm/confinement/confine.h"

namespace vmm {

ImageLoader::ImageLoader(boot::BootImage& image, const GuestMemory& memory, const Layout& layout)
    : image_(&image), memory_(&memory), layout_(&layout) {
  auto started = Thread::Start("loader", [this] {
    if (auto confined = confinement::Confine(confinement::ThreadKind::kOpener); !confined) {
      loaded_ = base::Failure(std::move(confined).error());
    } else {
      loaded_ = image_->Load(*memory_, *layout_);
    }
  });
  if (started) thread_ = std::move(*started);
}

base::Result<boot::EntryState> ImageLoader::Take() {
  thread_.Join();
  return loaded_ ? std::move(*loaded_) : image_->Load(*memory_, *layout_);
}

}  // namespace vmm
