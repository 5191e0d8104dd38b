#include "vmm/control/hot_plug.h"

namespace vmm::control {

HotPlug NoHotPlug() {
  return {
      [](const DeviceAdd& device) -> base::Status {
        return base::Fail(base::Code::kUnfit,
                          device.id + ": the machine has no free hot-plug port");
      },
      [](const std::string& id) -> base::Status {
        return base::Fail(base::Code::kUnfit, id + ": is not behind a hot-plug port");
      },
  };
}

}  // namespace vmm::control
