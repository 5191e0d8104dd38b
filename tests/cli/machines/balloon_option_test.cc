#include <gmock/gmock.h>

#include "cli/machines/balloon_text.h"
#include "cli/machines/ctl_command.h"
#include "cli/machines/plan_output.h"
#include "sysfs/base/text.h"
#include "tests/support/matchers.h"
#include "vmm/virtio/balloon/settings.h"

namespace cli {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

base::Result<vmm::virtio::BalloonOptions> ParseBalloon(std::string_view text) {
  if (text.empty()) return vmm::virtio::ParseBalloon({});
  return vmm::virtio::ParseBalloon(base::Split(text, ','));
}

TEST(BalloonOption, EverythingCanBeSaid) {
  const auto plain = ParseBalloon("");
  ASSERT_THAT(plain, IsOk());
  EXPECT_FALSE(plain->reporting);
  EXPECT_FALSE(plain->size);
  EXPECT_FALSE(plain->deflate_on_oom);
  const auto all = ParseBalloon("size=256M,reporting=on,deflate-on-oom=off,statistics=5");
  ASSERT_THAT(all, IsOk());
  EXPECT_TRUE(all->reporting);
  EXPECT_EQ(all->size, 256 * base::kMiB);
  EXPECT_EQ(all->deflate_on_oom, false);
  EXPECT_EQ(all->statistics, std::chrono::seconds(5));
  EXPECT_THAT(ParseBalloon("statistics=0x1"), FailsWith(base::Code::kUsage));
}

TEST(BalloonVerb, AQuestionOrASize) {
  const auto question = MakeControlRequest("balloon", {});
  ASSERT_THAT(question, IsOk());
  EXPECT_EQ(question->command, "query-balloon");
  const auto size = MakeControlRequest("balloon", {"1G"});
  ASSERT_THAT(size, IsOk());
  EXPECT_EQ(size->command, "balloon");
  EXPECT_EQ(size->arguments["value"], base::kGiB);
  for (const auto& wrong : std::vector<std::vector<std::string>>{
           {"0"}, {""}, {"x"}, {"-1"}, {"1G", "2G"}, {"value=1G"}}) {
    EXPECT_THAT(MakeControlRequest("balloon", wrong), FailsWith(base::Code::kUsage));
  }
}

TEST(BalloonText, ForPeople) {
  const auto text = BalloonText({{"actual", 335544320u},
                                 {"target", 268435456u},
                                 {"reclaimed", 2097152u},
                                 {"block-size", 2097152u},
                                 {"driver", true},
                                 {"stats", {{"stat-free-memory", 5}}},
                                 {"stats-age", 3}});
  EXPECT_EQ(text,
            "guest has    320 MiB\nis to have   256 MiB\nfreed        2 MiB, in blocks of 2 MiB\n"
            "of the guest, 3 s ago\n  stat-free-memory 5\n");
  EXPECT_THAT(BalloonText({{"driver", false}, {"inert", "nothing"}}),
              AllOf(HasSubstr("inert        nothing"), HasSubstr("driver       none")));
  EXPECT_EQ(BalloonText(3), "unknown\n");
  EXPECT_THAT(BalloonText({{"actual", "x"}, {"stats", 4}, {"driver", 1}, {"inert", 5}}),
              HasSubstr("guest has    unknown"));
}

TEST(BalloonPlan, TellsBlocks) {
  vmm::Options options;
  options.balloon.emplace();
  options.balloon->size = 256 * base::kMiB;
  vmm::MachinePreview preview;
  preview.plan.emplace();
  preview.plan->dma_block_bytes = 2 * base::kMiB;
  preview.balloon = vmm::BalloonPreview{"balloon0", 3};
  EXPECT_THAT(PreviewText(options, preview, false),
              AllOf(HasSubstr("Balloon balloon0"), HasSubstr("behind port3"), HasSubstr("256 MiB"),
                    HasSubstr("each page at once")));
  preview.devices.emplace_back();
  preview.dma_maps = 256;
  EXPECT_THAT(PreviewText(options, preview, false),
              AllOf(HasSubstr("256, blocks of 2 MiB"), Not(HasSubstr("each page at once"))));
  EXPECT_EQ(PreviewJson(options, preview)["balloon"]["block_bytes"], 2 * base::kMiB);
}

TEST(ConsolePlan, TellsWhereItIs) {
  vmm::Options options;
  vmm::MachinePreview preview;
  EXPECT_EQ(PreviewJson(options, preview)["console"], nullptr);
  preview.console = vmm::ConsolePreview{"console0", 2};
  EXPECT_THAT(PreviewText(options, preview, false),
              AllOf(HasSubstr("Console console0"), HasSubstr("hvc0, behind port2"),
                    HasSubstr("the terminal")));
  EXPECT_EQ(PreviewJson(options, preview)["console"]["file"], nullptr);
  options.exec = "true";
  EXPECT_THAT(PreviewText(options, preview, false), HasSubstr("standard error"));
  options.console = "/tmp/log";
  EXPECT_THAT(PreviewText(options, preview, false), HasSubstr("/tmp/log"));
  EXPECT_EQ(PreviewJson(options, preview)["console"]["port"], 2);
}

}  // namespace
}  // namespace cli
