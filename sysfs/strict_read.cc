#include "sysfs/strict_read.h"

#include <cerrno>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

bool IsAbsent(const base::Error& error) {
  return error.code() == base::Code::kNotFound && error.err() != ENODEV;
}

}  // namespace

base::Result<std::optional<std::string>> ReadIfThere(const Tree& tree, const std::string& path) {
  auto text = tree.Read(path);
  if (text) return std::optional(std::move(*text));
  if (IsAbsent(text.error())) return std::optional<std::string>();
  return base::Failure(text.error());
}

base::Result<std::vector<std::string>> ListIfThere(const Tree& tree, const std::string& path) {
  auto names = tree.List(path);
  if (names || !IsAbsent(names.error())) return names;
  return std::vector<std::string>();
}

base::Result<std::optional<std::string>> LinkIfThere(const Tree& tree, const std::string& path) {
  const auto target = tree.ReadLink(path);
  if (target) return std::optional(std::string(base::LastComponent(*target)));
  // readlink(2): EINVAL is said of what is there and no link.
  if (IsAbsent(target.error()) || target.error().err() == EINVAL)
    return std::optional<std::string>();
  return base::Failure(target.error());
}

}  // namespace sysfs
