#include "vmm/virtio/io_thread.h"

#include <future>

#include "sysfs/base/log.h"
#include "vmm/confinement/confine.h"

namespace vmm::virtio {

class IoThread::Key {};

IoThread::IoThread(Key, std::unique_ptr<EventLoop> loop) : loop_(std::move(loop)) {}

base::Result<std::unique_ptr<IoThread>> IoThread::Create() {
  auto io = std::make_unique<IoThread>(Key(), TRY(EventLoop::Create()));
  io->thread_ = TRY(Thread::Start("devices", [loop = io->loop_.get()] {
    base::Status ran = confinement::Confine(confinement::ThreadKind::kDevices);
    if (ran) ran = loop->Run();
    if (!ran) base::Log(base::Level::kError, "devices: {}", ran.error().message());
  }));
  return io;
}

void IoThread::Settle() {
  std::promise<void> settled;
  loop_->Post([&settled] { settled.set_value(); });
  settled.get_future().wait();
}

IoThread::~IoThread() {
  loop_->Post([this] { loop_->Stop(); });
  thread_.Join();
}

}  // namespace vmm::virtio
