#include "vmm/virtio/net/net.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "vmm/virtio/net/macvtap.h"
#include "vmm/virtio/net/stream.h"
#include "vmm/virtio/net/tap.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;

constexpr std::byte kTaken{0};
constexpr std::byte kRefused{1};
// So many frames that the guest cannot take are thrown away in one turn.
constexpr unsigned kMostThrown = 64;

}  // namespace

base::Result<std::unique_ptr<Net>> Net::Create(base::Kernel& kernel, const NetOptions& options) {
  NetShape shape;
  shape.mac = options.mac ? *options.mac : RandomMac();
  shape.mtu = options.mtu;
  shape.packed = options.packed;
  shape.standby = !options.standby.empty();
  if (const auto* const tap = std::get_if<TapLink>(&options.link)) {
    return CreateTap(kernel, options, *tap, shape);
  }
  const auto& link = std::get<SocketLink>(options.link);
  std::vector<std::unique_ptr<NetPort>> ports;
  ports.push_back(TRY(StreamPort::Create(link)));
  shape.link = ports.front()->connected();
  return std::make_unique<Net>("socket " + link.path, shape, std::move(ports), options.rate);
}

base::Result<std::unique_ptr<Net>> Net::CreateTap(base::Kernel& kernel, const NetOptions& options,
                                                  const TapLink& link, NetShape shape) {
  auto taps = TRY(OpenTap(kernel, link.interface, options.queues));
  const std::string name = taps.front()->name();
  if (link.interface.empty()) {
    base::Log(base::Level::kInfo, "{}: the tap of the guest with {}", name, shape.mac.Text());
  }
  shape.pairs = options.queues;
  shape.offloads = true;
  std::vector<Offloaded> offloaded;
  for (const auto& tap : taps) {
    if (!link.vhost) break;
    offloaded.push_back({TRY(Vhost::Create(kernel)), &tap->fd()});
  }
  shape.merges = offloaded.empty() || offloaded.front().vhost->merges();
  std::vector<std::unique_ptr<NetPort>> ports;
  for (auto& tap : taps) ports.push_back(std::move(tap));
  auto made = std::make_unique<Net>(name, shape, std::move(ports), options.rate);
  for (size_t i = 0; i < offloaded.size(); ++i) {
    made->pairs_[i].offloaded = std::move(offloaded[i]);
  }
  return made;
}

// Frames for another address than the interface's do not come: the guest keeps it.
base::Result<std::unique_ptr<Net>> Net::CreateMacvtap(base::Kernel& kernel,
                                                      const NetOptions& options,
                                                      const Macvtap& macvtap) {
  NetShape shape;
  shape.mac = macvtap.mac();
  shape.mtu = options.mtu;
  shape.offloads = true;
  shape.own_mac = false;
  std::vector<std::unique_ptr<NetPort>> ports;
  ports.push_back(TRY(OpenMacvtap(kernel, TRY(macvtap.OpenNode()), macvtap.name())));
  return std::make_unique<Net>(macvtap.name(), shape, std::move(ports), options.rate);
}

Net::Net(std::string name, const NetShape& shape, std::vector<std::unique_ptr<NetPort>> ports,
         uint64_t rate)
    : name_(std::move(name)),
      shape_(shape),
      model_(NetModel(shape)),
      control_(ControlQueue(shape, 0)),
      from_guest_({0, rate}),
      to_guest_({0, rate}) {
  for (auto& port : ports) {
    pairs_.emplace_back();
    pairs_.back().port = std::move(port);
  }
  // Frames for a queue that no driver has would be lost.
  for (size_t i = 1; i < pairs_.size(); ++i) Complain(pairs_[i].port->SetActive(false));
}

Net::~Net() = default;

void Net::Complain(const base::Status& status) {
  if (!status) log_.Log(base::Level::kWarning, "{}: {}", name_, status.error().message());
}

base::Status Net::Start(uint64_t features, EventLoop& loop) {
  loop_ = &loop;
  state_ = NetState{features, features & net::kGuestOffloads, 1, shape_.mac};
  control_ = ControlQueue(shape_, features);
  for (Pair& pair : pairs_) {
    if (pair.offloaded) pair.offloaded->begun = false;
  }
  TRY(from_guest_.Start(loop, [this] { GoOn(); }));
  TRY(to_guest_.Start(loop, [this] { GoOn(); }));
  Complain(pairs_.front().port->SetOffloads(state_.offloads));
  if (shape_.standby) announce_ = TRY(Timer::Create(loop, [this] { SendAnnouncement(); }));
  if (shape_.standby && driver_came_) driver_came_((features & net::kStandby) != 0);
  return {};
}

void Net::Stop() {
  announce_.reset();
  from_guest_.Stop();
  to_guest_.Stop();
  for (Pair& pair : pairs_) {
    pair.held = false;
    pair.readable.reset();
    pair.writable.reset();
    pair.waiting.reset();
    if (&pair != &pairs_.front()) Complain(pair.port->SetActive(false));
  }
  Complain(pairs_.front().port->SetOffloads(0));
  loop_ = nullptr;
}

std::unique_ptr<Runner> Net::MakeRunner(uint16_t queue, const ActiveQueue& ring,
                                        const GuestRam& ram, const base::EventFd& kick,
                                        const RunnerWiring& wiring) {
  Pair* const pair = Find(queue);
  if (pair == nullptr || !pair->offloaded) return nullptr;
  Offloaded& offloaded = *pair->offloaded;
  if (!std::exchange(offloaded.begun, true)) {
    Complain(offloaded.vhost->Begin(state_.features, ram));
  }
  auto made = VhostRing::Create(*offloaded.vhost, queue, ring, ram, kick, *offloaded.tap, wiring);
  if (made) return std::move(*made);
  Complain(base::Failure(std::move(made).error()));
  return nullptr;
}

// Nothing for the control queue, and for what is no queue with these features.
Net::Pair* Net::Find(uint16_t queue) {
  if (queue >= control_ || queue / 2u >= pairs_.size()) return nullptr;
  return &pairs_[queue / 2];
}

bool Net::IsActive(const Pair& pair) const {
  return static_cast<size_t>(&pair - pairs_.data()) < state_.pairs;
}

void Net::OnQueueStart(Worker& worker) {
  Pair* const pair = Find(worker.index());
  if (pair == nullptr) return;
  (worker.index() % 2 == 0 ? pair->receive : pair->transmit) = &worker;
  pair->held = false;
  Wait(*pair);
}

void Net::OnQueueEnd(uint16_t queue) {
  Pair* const pair = Find(queue);
  if (pair == nullptr) return;
  (queue % 2 == 0 ? pair->receive : pair->transmit) = nullptr;
  if (loop_ != nullptr) Wait(*pair);
}

bool Net::Wants(Worker& worker) {
  Pair* const pair = Find(worker.index());
  if (pair == nullptr) return worker.index() == control_;
  return worker.index() % 2 == 0 ? Fetch(*pair) : !pair->kept && from_guest_.Admit();
}

void Net::Handle(Worker& worker, const Chain& chain) {
  Pair* const pair = Find(worker.index());
  if (pair == nullptr) return HandleControl(worker, chain);
  if (worker.index() % 2 == 0) return Receive(*pair, worker, chain);
  Transmit(*pair, worker, chain);
}

void Net::Submit() {
  for (Pair& pair : pairs_) Wait(pair);
}

// Waits for what there is to wait for, and for nothing that would be found again at once.
void Net::Wait(Pair& pair) {
  const base::Fd* const readable = pair.port->readable();
  const bool wants =
      pair.receive != nullptr && on_wire_ && IsActive(pair) && !pair.waiting && !pair.held;
  if (!wants || readable == nullptr) {
    pair.readable.reset();
  } else if (!pair.readable) {
    auto watch = loop_->Add(*readable, [this, &pair] { OnReadable(pair); });
    if (watch) pair.readable = std::move(*watch);
  }
  const base::Fd* const writable = pair.port->writable();
  if (!pair.kept || writable == nullptr) {
    pair.writable.reset();
  } else if (!pair.writable) {
    auto watch = loop_->Add(
        *writable, [this, &pair] { OnWritable(pair); }, Wait::kWritable);
    if (watch) pair.writable = std::move(*watch);
  }
}

// True when a frame waits for a buffer.
bool Net::Fetch(Pair& pair) {
  if (!IsActive(pair) || !on_wire_) return false;
  for (unsigned thrown = 0; !pair.waiting && thrown < kMostThrown; ++thrown) {
    pair.held = !to_guest_.Admit();
    if (pair.held) return false;
    NetFrame frame;
    const Received received = pair.port->Receive(frame);
    if (received == Received::kChanged) OnLink(pair);
    if (received != Received::kFrame) return false;
    if (SuitsGuest(frame.header, state_.offloads)) {
      pair.waiting = frame;
    } else {
      ++counters_.receive_drops;
    }
  }
  return pair.waiting.has_value();
}

void Net::Receive(Pair& pair, Worker& worker, const Chain& chain) {
  const bool merges = (state_.features & net::kMergeBuffers) != 0;
  const Laid laid = pair.buffers.Put(worker, chain, *pair.waiting, merges);
  if (laid == Laid::kMore) return;
  ++(laid == Laid::kWhole ? counters_.received : counters_.receive_drops);
  to_guest_.Charge(pair.waiting->bytes.size());
  pair.waiting.reset();
}

void Net::LetGo(uint16_t queue) {
  Pair* const pair = Find(queue);
  if (pair != nullptr && queue % 2 == 0 && pair->receive != nullptr) {
    pair->buffers.GiveBack(*pair->receive);
  }
}

void Net::Transmit(Pair& pair, Worker& worker, const Chain& chain) {
  const uint64_t total = TotalSize(chain.readable);
  std::array<std::byte, sizeof(NetHeader)> bytes;
  iovecs_.clear();
  const bool sound = total >= bytes.size() + kLeastFrame && total <= bytes.size() + kMostFrame &&
                     CopyFrom(worker.ram(), chain.readable, 0, bytes) &&
                     AppendIovecs(worker.ram(), chain.readable, bytes.size(), total - bytes.size(),
                                  Use::kRead, iovecs_);
  Sent sent = Sent::kDropped;
  if (sound) {
    NetHeader header;
    std::memcpy(&header, bytes.data(), bytes.size());
    sent = pair.port->Send(FromGuest(header, state_.features), iovecs_);
  }
  pair.kept = sent == Sent::kKept;
  ++(sent == Sent::kDone || sent == Sent::kKept ? counters_.sent : counters_.send_drops);
  from_guest_.Charge(total);
  worker.Finish(chain, 0);
  if (sent == Sent::kChanged) OnLink(pair);
}

void Net::HandleControl(Worker& worker, const Chain& chain) {
  std::array<std::byte, kMostControl> bytes;
  const uint64_t total = TotalSize(chain.readable);
  const auto command = std::span(bytes).first(std::min<uint64_t>(total, bytes.size()));
  const NetState before = state_;
  const bool taken = worker.index() == control_ && total <= bytes.size() &&
                     CopyFrom(worker.ram(), chain.readable, 0, command) &&
                     Control(command, shape_.pairs, state_);
  const std::byte answer = taken ? kTaken : kRefused;
  const bool told = CopyTo(worker.ram(), chain.writable, 0, {&answer, 1});
  worker.Finish(chain, told ? 1 : 0);
  if (taken) Apply(before);
}

// What a command means on the host's side; what goes wrong there the guest is not told.
void Net::Apply(const NetState& before) {
  if (state_.offloads != before.offloads) {
    Complain(pairs_.front().port->SetOffloads(state_.offloads));
  }
  if (state_.pairs == before.pairs) return;
  for (Pair& pair : pairs_) Complain(pair.port->SetActive(IsActive(pair)));
}

void Net::OnReadable(Pair& pair) {
  Fetch(pair);
  if (pair.waiting && pair.receive != nullptr) pair.receive->Go();
  Wait(pair);
}

// Another pair is the first each time: what is admitted goes round.
void Net::GoOn() {
  first_ = (first_ + 1) % pairs_.size();
  for (size_t i = 0; i < pairs_.size(); ++i) {
    Pair& pair = pairs_[(first_ + i) % pairs_.size()];
    if (pair.transmit != nullptr) pair.transmit->Go();
    if (pair.receive != nullptr) OnReadable(pair);
  }
}

void Net::OnWritable(Pair& pair) {
  const Sent sent = pair.port->Flush();
  pair.kept = sent == Sent::kKept;
  if (sent == Sent::kDropped) ++counters_.send_drops;
  if (sent == Sent::kChanged) OnLink(pair);
  if (!pair.kept && pair.transmit != nullptr) pair.transmit->Go();
  Wait(pair);
}

// The descriptors are others than those that are waited for.
void Net::OnLink(Pair& pair) {
  pair.readable.reset();
  pair.writable.reset();
  const bool kept = std::exchange(pair.kept, false);
  TellLink();
  Wait(pair);
  if (kept && pair.transmit != nullptr) pair.transmit->Go();
}

}  // namespace vmm::virtio
