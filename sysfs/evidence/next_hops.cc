#include "sysfs/evidence/next_hops.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <array>
#include <vector>

#include "sysfs/evidence/netlink.h"

namespace sysfs {
namespace {

struct NextHops {
  std::map<uint32_t, std::set<int>> outputs;
  std::map<uint32_t, std::vector<uint32_t>> groups;
};

int AddHop(nl_msg* message, void* hops) {
  nlmsghdr* header = nlmsg_hdr(message);
  std::array<nlattr*, NHA_MAX + 1> attributes{};
  if (header->nlmsg_type != RTM_NEWNEXTHOP ||
      nlmsg_parse(header, sizeof(nhmsg), attributes.data(), NHA_MAX, nullptr) < 0 ||
      attributes[NHA_ID] == nullptr)
    return NL_OK;
  auto& [outputs, groups] = *static_cast<NextHops*>(hops);
  const uint32_t id = nla_get_u32(attributes[NHA_ID]);
  if (attributes[NHA_OIF] != nullptr)
    outputs[id].insert(static_cast<int>(nla_get_u32(attributes[NHA_OIF])));
  if (attributes[NHA_GROUP] == nullptr) return NL_OK;
  const auto* member = static_cast<const nexthop_grp*>(nla_data(attributes[NHA_GROUP]));
  const size_t count = static_cast<size_t>(nla_len(attributes[NHA_GROUP])) / sizeof *member;
  for (size_t i = 0; i < count; ++i) groups[id].push_back(member[i].id);
  return NL_OK;
}

}  // namespace

base::Result<std::map<uint32_t, std::set<int>>> DumpNextHops() {
  NextHops hops;
  const int result = DumpRouting(RTM_GETNEXTHOP, nhmsg{}, AddHop, &hops, [&] { hops = {}; });
  if (result < 0) return FailRouting("next hops of routes", result);
  // A group's members are no groups (nexthop_create_group).
  for (const auto& [id, members] : hops.groups) {
    for (const uint32_t member : members) hops.outputs[id].merge(std::set(hops.outputs[member]));
  }
  return hops.outputs;
}

}  // namespace sysfs
