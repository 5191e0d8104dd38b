// The monitor's commands and event of the balloon.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "vmm/machine.h"

namespace vmm {
namespace {

using control::Json;

// QEMU's rate of this event.
constexpr std::chrono::seconds kPace{1};

Json StatisticsJson(const virtio::Statistics& statistics) {
  Json all = Json::object();
  for (size_t i = 0; i < statistics.size(); ++i) {
    if (statistics[i]) all[std::string(virtio::kStatisticNames[i])] = *statistics[i];
  }
  return all;
}

std::string WhyInert(const GuestDevices::BalloonView& view) {
  return fmt::format("nothing is given to the host, because of {}: the guest's driver {}",
                     fmt::join(view.devices, ", "),
                     view.balloon.reporting ? "reports free pages, and uses them again untold"
                                            : "does not tell before it uses a page again");
}

}  // namespace

// `actual` and `target` are what the guest has, and is to have. What it says is bounded by nothing.
control::Answer<Json> Machine::QueryBalloon() {
  const auto view = devices_->balloon();
  if (!view) {
    control::Refusal refusal = control::RefusalOf(view.error());
    refusal.error_class = "DeviceNotActive";
    return tl::unexpected(std::move(refusal));
  }
  const auto rest = [this](uint64_t given) {
    return options_.memory_bytes - std::min(given, options_.memory_bytes);
  };
  const virtio::BalloonState& balloon = view->balloon;
  Json answer = {
      {"actual", rest(balloon.actual)},           {"target", rest(balloon.target)},
      {"reclaimed", view->ram.reclaimed},         {"driver", balloon.driver},
      {"free-page-reporting", balloon.reporting}, {"stats", StatisticsJson(balloon.statistics)}};
  if (view->ram.devices) answer["block-size"] = view->ram.block_bytes;
  if (view->ram.inert) answer["inert"] = WhyInert(*view);
  if (balloon.told) {
    const auto age = std::chrono::steady_clock::now() - *balloon.told;
    answer["stats-age"] = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  }
  devices_->AskForStatistics();
  return answer;
}

base::Status Machine::SetBalloon(uint64_t bytes) {
  const uint64_t size = std::min(bytes, options_.memory_bytes);
  return devices_->SetBalloon((options_.memory_bytes - size) / base::kPageSize);
}

void Machine::OnBalloonChange() {
  if (balloon_quiet_) {
    balloon_changed_ = true;
    return;
  }
  const auto view = devices_->balloon();
  if (!view) return;
  const uint64_t given = std::min(view->balloon.actual, options_.memory_bytes);
  Announce("BALLOON_CHANGE", {{"actual", options_.memory_bytes - given}});
  balloon_quiet_ = balloon_pace_->Arm(kPace).has_value();
}

}  // namespace vmm
