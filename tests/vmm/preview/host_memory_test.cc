#include "vmm/preview/host_memory.h"

#include <gmock/gmock.h>

#include "sysfs/base/address.h"
#include "tests/support/fake_tree.h"

namespace vmm {
namespace {

using base::kGiB;
using base::kMiB;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

test::FakeTree Host() {
  test::FakeTree tree;
  tree.AddFile("/proc/meminfo",
               "MemTotal:        4194304 kB\nMemAvailable:    2097152 kB\n"
               "CommitLimit:     3145728 kB\nCommitted_AS:    1048576 kB\n");
  tree.AddFile("/proc/sys/vm/overcommit_memory", "0\n");
  tree.AddFile("/proc/self/cgroup", "0::/a.slice/b.scope\n");
  tree.AddFile("/sys/fs/cgroup/a.slice/memory.max", "1073741824\n");
  tree.AddFile("/sys/fs/cgroup/a.slice/memory.current", "536870912\n");
  tree.AddFile("/sys/fs/cgroup/a.slice/b.scope/memory.max", "max\n");
  tree.AddFile("/sys/kernel/mm/ksm/run", "0\n");
  return tree;
}

TEST(ReadHostMemory, AllThatThereIs) {
  const HostMemory host = ReadHostMemory(Host());
  EXPECT_EQ(host.available, 2 * kGiB);
  EXPECT_EQ(host.commit_limit, 3 * kGiB);
  EXPECT_EQ(host.committed, 1 * kGiB);
  EXPECT_EQ(host.overcommit, 0u);
  EXPECT_EQ(host.group, "/a.slice");
  EXPECT_EQ(host.group_limit, 1 * kGiB);
  EXPECT_EQ(host.group_used, 512 * kMiB);
  EXPECT_EQ(host.merging, false);
}

TEST(ReadHostMemory, OfSeveralGroupsTheOneThatLeavesLeast) {
  test::FakeTree tree = Host();
  tree.AddFile("/sys/fs/cgroup/a.slice/b.scope/memory.max", "805306368\n");
  EXPECT_EQ(ReadHostMemory(tree).group, "/a.slice");
  tree.AddFile("/sys/fs/cgroup/a.slice/b.scope/memory.current", "805306368\n");
  EXPECT_EQ(ReadHostMemory(tree).group, "/a.slice/b.scope");
}

TEST(ReadHostMemory, OtherMachinesHaveStillToUseTheirs) {
  test::FakeTree tree = Host();
  tree.AddFile("/proc/70/status", "Name:\tvmm\nVmRSS:\t  262144 kB\nHugetlbPages:\t 262144 kB\n");
  tree.AddFile("/proc/71/status", "VmRSS:\t 2097152 kB\n");
  // The last one has ended since it was listed.
  const std::vector<OtherMachine> others = {{70, 1 * kGiB}, {71, 1 * kGiB}, {72, 1 * kGiB}};
  const HostMemory host = ReadHostMemory(tree, others);
  EXPECT_EQ(host.machines, 2u);
  EXPECT_EQ(host.machines_bytes, 2 * kGiB);
  EXPECT_EQ(host.machines_unused, 512 * kMiB);
  const MemoryVerdict verdict = JudgeMemory(host, {2 * kGiB - 256 * kMiB, true, false});
  EXPECT_EQ(verdict.missing, 256 * kMiB);
  EXPECT_THAT(verdict.remarks.front(), HasSubstr("when the other machines use all of theirs"));
  EXPECT_EQ(JudgeMemory(host, {kGiB, true, false}).missing, 0u);
  EXPECT_THAT(JudgeMemory(host, {3 * kGiB, true, false}).remarks.front(),
              HasSubstr("overcommitted by 1.5 GiB: the host swaps or ends a process at the start"));
}

TEST(ReadHostMemory, OfNothing) {
  const HostMemory host = ReadHostMemory(test::FakeTree());
  EXPECT_FALSE(host.available || host.commit_limit || host.overcommit || host.group_limit ||
               host.merging);
  const MemoryVerdict verdict = JudgeMemory(host, {64 * kGiB, true, true});
  EXPECT_THAT(verdict.remarks, IsEmpty());
  EXPECT_FALSE(verdict.refused);
}

TEST(ReadHostMemory, NonsenseIsNothing) {
  test::FakeTree tree = Host();
  tree.AddFile("/proc/meminfo", "MemAvailable: 99999999999999999999 kB\nCommitLimit\n");
  tree.AddFile("/proc/self/cgroup", "0::\n1:x:/\n");
  tree.AddFile("/proc/sys/vm/overcommit_memory", "7\n");
  const HostMemory host = ReadHostMemory(tree);
  EXPECT_FALSE(host.available || host.commit_limit || host.overcommit || host.group_limit);
}

TEST(JudgeMemory, WhatFitsNeedsNoRemark) {
  HostMemory host;
  host.available = 2 * kGiB;
  host.overcommit = 2;
  host.commit_limit = 4 * kGiB;
  host.committed = 2 * kGiB;
  const MemoryVerdict verdict = JudgeMemory(host, {2 * kGiB, true, false});
  EXPECT_THAT(verdict.remarks, IsEmpty());
  EXPECT_FALSE(verdict.refused);
}

TEST(JudgeMemory, WhatTheHostAndTheGroupLack) {
  HostMemory host;
  host.available = 2 * kGiB;
  host.group_limit = kGiB;
  host.group_used = 512 * kMiB;
  const MemoryVerdict verdict = JudgeMemory(host, {3 * kGiB, false, false});
  EXPECT_EQ(verdict.missing, kGiB);
  EXPECT_EQ(verdict.group_missing, 2560 * kMiB);
  EXPECT_THAT(verdict.remarks, ElementsAre(HasSubstr("overcommitted by 1 GiB"),
                                           HasSubstr("2.5 GiB more than its control group")));
  EXPECT_THAT(JudgeMemory(host, {3 * kGiB, true, false}).remarks.front(),
              HasSubstr("at the start"));
}

TEST(JudgeMemory, AKernelThatPromisesNoMoreThanItHasRefuses) {
  HostMemory host;
  host.overcommit = 2;
  host.commit_limit = 3 * kGiB;
  host.committed = 2 * kGiB;
  EXPECT_FALSE(JudgeMemory(host, {kGiB, false, false}).refused);
  const auto refused = JudgeMemory(host, {kGiB + 4096, false, false}).refused;
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), base::Code::kKernel);
  host.overcommit = 0;
  EXPECT_FALSE(JudgeMemory(host, {kGiB + 4096, false, false}).refused);
}

TEST(JudgeMemory, ReservedPagesHaveBeenCountedElsewhere) {
  HostMemory host;
  host.available = 1;
  EXPECT_THAT(JudgeMemory(host, {0, true, false}).remarks, IsEmpty());
}

TEST(JudgeMemory, MergingNeedsSomebodyWhoMerges) {
  HostMemory host;
  host.merging = false;
  EXPECT_THAT(JudgeMemory(host, {kGiB, false, true}).remarks, ElementsAre(HasSubstr("ksm/run")));
  host.merging = true;
  EXPECT_THAT(JudgeMemory(host, {kGiB, false, true}).remarks, IsEmpty());
}

}  // namespace
}  // namespace vmm
