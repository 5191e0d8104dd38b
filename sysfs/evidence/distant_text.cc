#include "sysfs/evidence/distant_text.h"

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr size_t kFields = 6;  // with a NUL behind each

}  // namespace

std::string FormatDistant(const std::vector<DistantInterface>& interfaces) {
  std::string text;
  for (const DistantInterface& one : interfaces) {
    for (const std::string* field :
         {&one.device, &one.name, &one.place.path, &one.place.title, &one.place.enter, &one.lower})
      text.append(*field).push_back('\0');
  }
  return text;
}

std::vector<DistantInterface> ParseDistant(std::string_view text) {
  const auto fields = base::Split(text, '\0');
  std::vector<DistantInterface> interfaces;
  for (size_t i = 0; i + kFields <= fields.size(); i += kFields) {
    interfaces.push_back(
        {std::string(fields[i]),
         std::string(fields[i + 1]),
         {std::string(fields[i + 2]), std::string(fields[i + 3]), std::string(fields[i + 4])},
         std::string(fields[i + 5])});
  }
  return interfaces;
}

}  // namespace sysfs
