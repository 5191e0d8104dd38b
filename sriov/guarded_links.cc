#include "sriov/guarded_links.h"

#include <cstring>
#include <type_traits>
#include <utility>

#include "sysfs/apart.h"

namespace sriov {
namespace {

using Functions = std::map<unsigned, VfAttributes>;

// Between two processes of one program: as it lies in memory.
struct Entry {
  unsigned index = 0;
  VfAttributes attributes;
};
static_assert(std::is_trivially_copyable_v<Entry>);

std::string Pack(const Functions& functions) {
  std::string text;
  for (const auto& [index, attributes] : functions) {
    const Entry entry = {index, attributes};
    text.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  }
  return text;
}

Functions Unpack(const std::string& text) {
  Functions functions;
  for (size_t at = 0; at + sizeof(Entry) <= text.size(); at += sizeof(Entry)) {
    Entry entry;
    std::memcpy(static_cast<void*>(&entry), text.data() + at, sizeof entry);
    functions.emplace(entry.index, entry.attributes);
  }
  return functions;
}

class Guarded final : public VfLinks {
 public:
  Guarded(std::unique_ptr<VfLinks> links, std::chrono::milliseconds patience)
      : links_(std::move(links)), apart_(patience) {}

  base::Result<Functions> Read(const std::string& interface) override {
    const std::string text = TRY(apart_.Ask(interface, [&]() -> base::Result<std::string> {
      return Pack(TRY(links_->Read(interface)));
    }));
    return Unpack(text);
  }

  base::Status Write(const std::string& interface, unsigned index,
                     const VfAttributes& attributes) override {
    TRY(apart_.Ask(interface, [&]() -> base::Result<std::string> {
      TRY(links_->Write(interface, index, attributes));
      return std::string();
    }));
    return {};
  }

 private:
  std::unique_ptr<VfLinks> links_;
  sysfs::Apart apart_;
};

}  // namespace

std::unique_ptr<VfLinks> GuardedVfLinks(std::unique_ptr<VfLinks> links,
                                        std::chrono::milliseconds patience) {
  return std::make_unique<Guarded>(std::move(links), patience);
}

}  // namespace sriov
