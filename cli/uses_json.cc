#include "cli/uses_json.h"

namespace cli {
namespace {

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

Json UsesJson(const std::vector<base::Use>& uses) {
  Json list = Json::array();
  for (const base::Use& use : uses) {
    list.push_back({{"kind", use.kind},
                    {"detail", use.detail},
                    {"path", use.path},
                    {"severity", use.refuses ? "refuse" : "warn"},
                    {"reason", OrNull(use.reason)},
                    {"risk", OrNull(use.risk)},
                    {"cure", OrNull(use.cure)}});
  }
  return list;
}

}  // namespace cli
