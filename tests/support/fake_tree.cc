#include "tests/support/fake_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sysfs/base/text.h"

namespace test {
namespace {

using base::FailErrno;

std::string Parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace

FakeTree::FakeTree() {
  nodes_["/"] = {};
  AddDirectory("/sys/bus/pci/devices");
  AddDirectory("/sys/bus/pci/drivers");
  AddFile("/sys/bus/pci/drivers_probe", "");
}

const std::optional<std::string>& FakeTree::Resolve(const std::string& path,
                                                    bool follow_last) const {
  const auto [found, is_new] = resolved_.at(follow_last ? 1 : 0).try_emplace(path);
  if (is_new) found->second = Walk(path, follow_last);
  return found->second;
}

std::optional<std::string> FakeTree::Walk(const std::string& path, bool follow_last) const {
  constexpr int kMostLinks = 40;
  std::string rest = path;
  std::string at;  // "" is the root
  int links = 0;
  for (size_t begin = 0; begin < rest.size();) {
    const size_t end = std::min(rest.find('/', begin), rest.size());
    const std::string_view part = std::string_view(rest).substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    const size_t parent = at.size();
    if (part == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    at.append("/").append(part);
    const auto node = nodes_.find(at);
    if (node == nodes_.end()) return std::nullopt;
    const bool is_last = rest.find_first_not_of('/', end) == std::string::npos;
    if (node->second.kind != Kind::kLink || (is_last && !follow_last)) continue;
    if (++links > kMostLinks) return std::nullopt;
    const std::string& target = node->second.content;
    at.resize(target.starts_with('/') ? 0 : parent);
    rest = target + rest.substr(end);
    begin = 0;
  }
  return at.empty() ? "/" : at;
}

const FakeTree::Node* FakeTree::Find(const std::string& path, bool follow_last) const {
  const auto& real = Resolve(path, follow_last);
  return real ? &nodes_.at(*real) : nullptr;
}

// Directories on the way may be links to existing ones.
void FakeTree::Put(const std::string& path, Node node) {
  const std::string parent = Parent(path);
  if (!Resolve(parent, true)) Put(parent, {});
  const std::string real = *Resolve(parent, true);
  auto [there, is_new] =
      nodes_.try_emplace((real == "/" ? "" : real) + "/" + std::string(base::LastComponent(path)));
  const bool is_file = !is_new && there->second.kind == Kind::kFile && node.kind == Kind::kFile;
  there->second = std::move(node);
  if (!is_file) resolved_ = {};
}

void FakeTree::AddFile(const std::string& path, std::string content) {
  Put(path, {Kind::kFile, std::move(content)});
}

void FakeTree::AddBytes(const std::string& path, std::vector<std::byte> content) {
  std::string text(content.size(), '\0');
  if (!content.empty()) std::memcpy(text.data(), content.data(), content.size());
  AddFile(path, std::move(text));
}

void FakeTree::AddLink(const std::string& path, std::string target) {
  Put(path, {Kind::kLink, std::move(target)});
}

void FakeTree::AddDirectory(const std::string& path) {
  if (Find(path) == nullptr) Put(path, {});
}

void FakeTree::Remove(const std::string& path) {
  const auto real = Resolve(path, false);
  if (!real) return;
  nodes_.erase(*real);
  const std::string below = *real + "/";
  const auto first = nodes_.lower_bound(below);
  auto last = first;
  while (last != nodes_.end() && last->first.starts_with(below)) ++last;
  nodes_.erase(first, last);
  resolved_ = {};
}

base::Result<std::string> FakeTree::Read(const std::string& path) const {
  const Node* node = Find(path);
  if (node == nullptr) return FailErrno(path, ENOENT);
  if (node->kind == Kind::kDirectory) return FailErrno(path, EISDIR);
  std::string text = node->content;
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

base::Result<std::vector<std::byte>> FakeTree::ReadBytes(const std::string& path,
                                                         size_t limit) const {
  const Node* node = Find(path);
  if (node == nullptr) return FailErrno(path, ENOENT);
  if (node->kind == Kind::kDirectory) return FailErrno(path, EISDIR);
  std::vector<std::byte> bytes(std::min(limit, node->content.size()));
  if (!bytes.empty()) std::memcpy(bytes.data(), node->content.data(), bytes.size());
  return bytes;
}

base::Result<std::string> FakeTree::ReadLink(const std::string& path) const {
  const Node* node = Find(path, false);
  if (node == nullptr) return FailErrno(path, ENOENT);
  if (node->kind != Kind::kLink) return FailErrno(path, EINVAL);
  return node->content;
}

base::Result<std::vector<std::string>> FakeTree::List(const std::string& path) const {
  const auto real = Resolve(path, true);
  if (!real) return FailErrno(path, ENOENT);
  if (nodes_.at(*real).kind != Kind::kDirectory) return FailErrno(path, ENOTDIR);
  const std::string prefix = *real == "/" ? *real : *real + "/";
  std::vector<std::string> names;
  for (auto entry = nodes_.upper_bound(prefix);
       entry != nodes_.end() && entry->first.starts_with(prefix); ++entry) {
    const std::string name = entry->first.substr(prefix.size());
    if (name.find('/') == std::string::npos) names.push_back(name);
  }
  return names;
}

bool FakeTree::Exists(const std::string& path) const { return Find(path) != nullptr; }

base::Status FakeTree::Write(const std::string& path, std::string_view value) {
  const size_t number = writes_.size() + 1;
  const std::string text(value);
  int err = 0;
  bool has_effect = true;
  if (fail_from_ && number >= fail_from_->first) {
    err = fail_from_->second;
  } else if (const auto failing = failing_paths_.find(path); failing != failing_paths_.end()) {
    err = failing->second;
  } else if (const auto planned = planned_.find(number); planned != planned_.end()) {
    err = planned->second;
    has_effect = false;
  } else {
    const auto real = Resolve(path, true);
    const auto answered = real && answer_ ? answer_(path, text) : std::nullopt;
    err = !real ? ENOENT : answered ? *answered : React(*real, text);
  }
  writes_.push_back({path, text, err});
  if (err != 0) return FailErrno(path, err);
  if (has_effect && reaction_) reaction_(path, text);
  return {};
}

}  // namespace test
