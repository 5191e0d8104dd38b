#include "vmm/control/block_view.h"

namespace vmm::control {
namespace {

std::string_view StatusName(virtio::IoStatus status) {
  switch (status) {
    case virtio::IoStatus::kOk:
      return "ok";
    case virtio::IoStatus::kFailed:
      return "failed";
    case virtio::IoStatus::kNoSpace:
      return "nospace";
  }
  return "";
}

std::string PathOf(const std::string& id) { return "/machine/peripheral/" + id; }

}  // namespace

Json BlockJson(const std::string& id, const virtio::BlkOptions& options,
               const virtio::BlkView& view) {
  const virtio::ImageOptions& image = options.image;
  const Json inserted = {
      {"file", image.file},
      {"drv", "raw"},
      {"ro", image.readonly},
      {"iops", options.rate.operations},
      {"bps", options.rate.bytes},
      {"cache",
       {{"writeback", view.writeback},
        {"direct", image.cache == virtio::CacheMode::kNone},
        {"no-flush", image.cache == virtio::CacheMode::kUnsafe}}},
      {"image", {{"filename", image.file}, {"format", "raw"}, {"virtual-size", view.bytes}}},
  };
  return {{"device", id},        {"qdev", PathOf(id)}, {"type", "unknown"},
          {"locked", false},     {"removable", false}, {"io-status", StatusName(view.status)},
          {"inserted", inserted}};
}

Json IoErrorData(const std::string& id, const virtio::BlkFault& fault) {
  return {{"device", id},
          {"qom-path", PathOf(id)},
          {"operation", fault.read ? "read" : "write"},
          {"action", fault.stop ? "stop" : "report"},
          {"nospace", fault.nospace},
          {"reason", fault.reason}};
}

Json QueueBrokenData(const std::string& id, unsigned queue, std::string_view reason) {
  return {{"device", id}, {"path", PathOf(id)}, {"queue", queue}, {"reason", reason}};
}

}  // namespace vmm::control
