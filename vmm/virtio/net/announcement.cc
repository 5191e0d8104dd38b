#include "vmm/virtio/net/announcement.h"

#include <net/ethernet.h>
#include <net/if_arp.h>

namespace vmm::virtio {
namespace {

class Writer {
 public:
  explicit Writer(std::array<std::byte, kAnnouncementBytes>& frame) : frame_(frame) {}
  void Byte(unsigned value) { frame_.at(next_++) = static_cast<std::byte>(value); }
  void Word(unsigned value) {
    Byte(value >> 8);
    Byte(value & 0xff);
  }
  void Address(const Mac& mac) {
    for (const uint8_t byte : mac.bytes) Byte(byte);
  }
  void Skip(size_t bytes) { next_ += bytes; }

 private:
  std::array<std::byte, kAnnouncementBytes>& frame_;
  size_t next_ = 0;
};

constexpr size_t kProtocolBytes = 4;  // of an IPv4 address, which is none here

}  // namespace

std::array<std::byte, kAnnouncementBytes> AnnouncementOf(const Mac& mac) {
  std::array<std::byte, kAnnouncementBytes> frame{};
  Writer writer(frame);
  for (size_t i = 0; i < mac.bytes.size(); ++i) writer.Byte(0xff);
  writer.Address(mac);
  writer.Word(ETHERTYPE_REVARP);
  writer.Word(ARPHRD_ETHER);
  writer.Word(ETHERTYPE_IP);
  writer.Byte(static_cast<unsigned>(mac.bytes.size()));
  writer.Byte(kProtocolBytes);
  writer.Word(ARPOP_RREQUEST);
  writer.Address(mac);
  writer.Skip(kProtocolBytes);
  writer.Address(mac);
  return frame;
}

}  // namespace vmm::virtio
