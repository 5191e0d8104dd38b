// Takes out of a recording what names the host or its owner, and keeps its structure.
//
// MAC, IPv4 and IPv6 addresses, UUIDs, serial numbers and the host's name become others, the same
// value always the same other one, in files, links and paths alike. Passwords and the like on the
// kernel's command line go. Left are numbers that every machine has: loopback, broadcast, zeros.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "cli/snapshot/recording.h"

namespace cli {

class Scrubber {
 public:
  // `secrets` are replaced as whole words, whatever they look like: the host's name.
  explicit Scrubber(const std::set<std::string>& secrets);

  std::string Text(std::string_view text);

 private:
  enum class Kind : uint8_t { kMac, kUuid, kIpv4, kIpv6 };
  struct Found {
    size_t length = 0;  // 0: none here
    Kind kind = Kind::kMac;
  };
  Found Look(std::string_view text, size_t at) const;
  std::string Other(Kind kind, std::string_view value);
  // The secret word that stands here; empty when there is none.
  std::string SecretAt(std::string_view text, size_t at) const;

  std::map<std::string, std::string> secrets_;  // and what stands for them
  std::map<std::string, std::string> others_;
};

// The whole recording; `host_name` may be empty.
Recording Scrub(const Recording& recording, const std::string& host_name);

}  // namespace cli
