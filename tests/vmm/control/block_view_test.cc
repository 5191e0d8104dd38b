#include "vmm/control/block_view.h"

#include <gtest/gtest.h>

namespace vmm::control {
namespace {

TEST(BlockView, ADiskAsQemuShowsIt) {
  virtio::BlkOptions options;
  options.image.file = "/x/disk.raw";
  options.image.readonly = true;
  options.image.cache = virtio::CacheMode::kNone;
  options.rate = {100, 0};
  const Json disk = BlockJson("disk0", options, {1 << 20, virtio::IoStatus::kNoSpace, true});
  EXPECT_EQ(disk["device"], "disk0");
  EXPECT_EQ(disk["io-status"], "nospace");
  EXPECT_EQ(disk["removable"], false);
  const Json& inserted = disk["inserted"];
  EXPECT_EQ(inserted["file"], "/x/disk.raw");
  EXPECT_EQ(inserted["ro"], true);
  EXPECT_EQ(inserted["iops"], 100);
  EXPECT_EQ(inserted["image"]["virtual-size"], 1 << 20);
  EXPECT_EQ(inserted["cache"], Json({{"writeback", true}, {"direct", true}, {"no-flush", false}}));
}

TEST(BlockView, EventsOfErrors) {
  EXPECT_EQ(IoErrorData("disk0", {false, true, true, "No space left on device"}),
            Json({{"device", "disk0"},
                  {"qom-path", "/machine/peripheral/disk0"},
                  {"operation", "write"},
                  {"action", "stop"},
                  {"nospace", true},
                  {"reason", "No space left on device"}}));
  EXPECT_EQ(IoErrorData("d", {true, false, false, "x"})["action"], "report");
  EXPECT_EQ(QueueBrokenData("disk0", 3, "why")["queue"], 3);
}

}  // namespace
}  // namespace vmm::control
