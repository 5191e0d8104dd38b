#include "vmm/route_gathering.h"

#include "vmm/confinement/confine.h"

namespace vmm {

class RouteGathering::Key {};

RouteGathering::RouteGathering(Key, EventLoop& loop, kvm::Vm& vm) : loop_(loop), vm_(vm) {}

RouteGathering::~RouteGathering() {
  if (own_) own_->Stop();
  thread_.Join();
  vm_.StopGathering();
}

std::shared_ptr<RouteGathering> RouteGathering::Begin(EventLoop& loop, kvm::Vm& vm) {
  auto gathering = std::make_shared<RouteGathering>(Key(), loop, vm);
  const base::Status begun = vm.GatherRoutes([raw = gathering.get()] { raw->OnFirst(); });
  if (!begun) gathering->GiveUp(begun.error());
  return gathering;
}

// From any thread, and under the Vm's lock.
void RouteGathering::OnFirst() {
  if (started_) {
    own_->Post([this] {
      if (const base::Status armed = timer_->Arm(kTime); !armed) Settle();
    });
    return;
  }
  loop_.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Start();
  });
}

void RouteGathering::Start() {
  if (const base::Status started = StartThread(); !started) GiveUp(started.error());
}

base::Status RouteGathering::StartThread() {
  own_ = TRY(EventLoop::Create());
  timer_ = TRY(Timer::Create(*own_, [this] { Settle(); }));
  watch_ = TRY(own_->Add(vm_.relay_fd(), [this] { vm_.Relay(); }));
  TRY(timer_->Arm(kTime));
  started_ = true;
  auto thread = Thread::Start("interrupts", [this] {
    base::Status ran = confinement::Confine(confinement::ThreadKind::kInterrupts);
    if (ran) ran = own_->Run();
    if (!ran) GiveUp(ran.error());
  });
  if (!thread) started_ = false;
  thread_ = TRY(std::move(thread));
  return {};
}

void RouteGathering::GiveUp(const base::Error& why) {
  log_.Log(base::Level::kWarning, "interrupt routes are committed one by one: {}", why.message());
  vm_.StopGathering();
}

void RouteGathering::Settle() {
  if (const base::Status settled = vm_.SettleRoutes(); !settled)
    log_.Log(base::Level::kError, "interrupt routes: {}", settled.error().message());
}

}  // namespace vmm
