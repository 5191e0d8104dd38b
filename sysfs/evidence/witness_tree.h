// A tree that remembers what could not be read through it: where a use may hide, "no" and "not
// known" must not be the same.
#pragma once

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

// The first failure of a search, a lock that was not free in time included; an absent or forbidden
// file, or one of a process that has ended, is none.
class Unread {
 public:
  void Note(const base::Error& error) {
    const int err = error.err();
    const bool counts = error.code() == base::Code::kTimedOut || err == EIO || err == EMFILE ||
                        err == ENFILE || err == ENOMEM;
    if (counts && !first_) first_ = error.message();
  }
  const std::optional<std::string>& first() const { return first_; }

 private:
  std::optional<std::string> first_;
};

// Both outlive it. Refuses writes.
class WitnessTree final : public Tree {
 public:
  WitnessTree(const Tree& below, Unread& unread) : below_(below), unread_(unread) {}

  base::Result<std::string> Read(const std::string& path) const override {
    return Noted(below_.Read(path));
  }
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override {
    return Noted(below_.ReadBytes(path, limit));
  }
  base::Result<std::string> ReadLink(const std::string& path) const override {
    return Noted(below_.ReadLink(path));
  }
  base::Result<std::vector<std::string>> List(const std::string& path) const override {
    return Noted(below_.List(path));
  }
  bool Exists(const std::string& path) const override { return below_.Exists(path); }
  base::Status Write(const std::string& path, std::string_view /*value*/) override {
    return base::Fail(base::Code::kUsage, path + ": a search writes nothing");
  }

 private:
  template <typename Value>
  base::Result<Value> Noted(base::Result<Value> result) const {
    if (!result) unread_.Note(result.error());
    return result;
  }

  const Tree& below_;
  Unread& unread_;
};

}  // namespace sysfs
