#include "cli/snapshot/scrub.h"

#include <gtest/gtest.h>

#include "cli/config/pin.h"

namespace cli {
namespace {

TEST(Scrubber, LeavesWhatIsNoName) {
  Scrubber scrubber({});
  for (const char* text :
       {"", "0000:08:00.0 -> ../../devices/pci0000:00/0000:00:1f.2", "12:34:56", "6.12.0-1-amd64",
        "pci:v00008086d000010C9sv*", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "127.0.0.1", "::1",
        "0x00000000fee00000 0x00000000feefffff msi", "0:25", "1.2.3", "1.2.3.4.5", "enx", "a.b.c.d",
        "256.1.1.1", "00:11:22:33:44", "8.0 GT/s PCIe"})
    EXPECT_EQ(scrubber.Text(text), text);
}

TEST(Scrubber, TheSameValueBecomesTheSameOther) {
  Scrubber scrubber({});
  const std::string clean = scrubber.Text("52:54:00:12:34:AB enx5254001234ab 52:54:00:12:34:ab");
  const std::string mac = clean.substr(0, 17);
  std::string digits = mac;
  std::erase(digits, ':');
  EXPECT_EQ(clean, mac + " enx" + digits + " " + mac);
  EXPECT_TRUE(mac.starts_with("02:00:00:00:00:")) << mac;
  EXPECT_NE(scrubber.Text("52:54:00:12:34:ac"), mac);
}

TEST(Scrubber, FindsEachKind) {
  Scrubber scrubber({"box17"});
  EXPECT_EQ(scrubber.Text("root=UUID=0F3e4567-e89b-12d3-a456-426614174000 ro"),
            "root=UUID=00000000-0000-4000-8000-000000000001 ro");
  EXPECT_EQ(scrubber.Text("ip=10.1.2.3::10.1.2.1:255.255.255.0:box17:eth0"),
            "ip=198.18.0.2::198.18.0.3:255.255.255.0:scrubbed1:eth0");
  EXPECT_EQ(scrubber.Text("from 10.1.2.3."), "from 198.18.0.2.");
  EXPECT_EQ(scrubber.Text("fe80::5054:ff:fe12:3456/64"), "2001:db8::4/64");
  EXPECT_EQ(scrubber.Text("vg--box17-root box170"), "vg--scrubbed1-root box170");
}

TEST(Scrub, TakesSerialNumbersOutOfPathsAndLinks) {
  Recording recording;
  recording.files["/sys/class/nvme/nvme0/serial"] = "S4EWNX0R";
  recording.links["/dev/disk/by-id/nvme-S4EWNX0R"] = "../../nvme0n1";
  recording.folders.insert("/sys/fs/btrfs/0f3e4567-e89b-12d3-a456-426614174000");
  const Recording clean = Scrub(recording, "");
  EXPECT_EQ(clean.files.begin()->second, "scrubbed1");
  EXPECT_EQ(clean.links.begin()->first, "/dev/disk/by-id/nvme-scrubbed1");
  EXPECT_EQ(*clean.folders.begin(), "/sys/fs/btrfs/00000000-0000-4000-8000-000000000001");
}

TEST(Scrub, TakesTheSerialNumbersOfTheDeclarativeFile) {
  Recording host;
  host.files["/sys/devices/x/nvme/nvme0/serial"] = "S4EWNX0R";
  host.files["/etc/vassign/vassign.toml"] =
      "match = { serial = \"S4EWNX0R\" }\nmatch = { serial = \"GONE77\" }\n"
      "match = { serial = \"00-11-22-33-44-55-66-77\", mac = \"52:54:00:12:34:56\" }\n";
  host.files["/var/lib/vassign/pins/a.json"] = "\"serial\": \"GONE77\", \"dsn\": null";
  const Recording clean = Scrub(host, "");
  const std::string text = clean.files.at("/etc/vassign/vassign.toml");
  for (const char* secret : {"S4EWNX0R", "GONE77", "00-11-22", "52:54"})
    EXPECT_EQ(text.find(secret), std::string::npos) << text;
  const std::string known = clean.files.at("/sys/devices/x/nvme/nvme0/serial");
  EXPECT_NE(text.find("\"" + known + "\""), std::string::npos);
  EXPECT_EQ(clean.files.at("/var/lib/vassign/pins/a.json").find("GONE77"), std::string::npos);
}

TEST(Scrub, APinStaysOne) {
  sysfs::Identity pin;
  pin.path = "0000:00/16.0/00.0";
  pin.serial = "S4EWNX0R";
  pin.mac = "52:54:00:12:34:56";
  Recording host;
  host.files["/var/lib/vassign/pins/a.json"] = FormatPin(pin);
  const auto clean = ParsePin(Scrub(host, "").files.at("/var/lib/vassign/pins/a.json"));
  ASSERT_TRUE(clean.has_value());
  EXPECT_EQ(clean->path, pin.path);
  EXPECT_EQ(clean->serial, "scrubbed1");
  EXPECT_NE(clean->mac, pin.mac);
}

TEST(Scrub, TakesPasswordsOffTheCommandLine) {
  Recording recording;
  recording.files["/proc/cmdline"] = "ro rd.iscsi.password=hush quiet netroot=iscsi:me@[x]:y";
  EXPECT_EQ(Scrub(recording, "").files["/proc/cmdline"],
            "ro rd.iscsi.password=scrubbed quiet netroot=scrubbed");
}

TEST(Scrub, TakesTheSerialNumberOutOfConfigurationSpace) {
  Recording recording;
  std::string config(4096, '\0');
  config[0] = 1;
  config.replace(0x100, 12, std::string("\x03\x00\x01\x00SERIALNO", 12));
  recording.files["/sys/devices/pci0000:00/0000:00:01.0/config"] = config;
  const std::string clean = Scrub(recording, "").files.begin()->second;
  EXPECT_EQ(clean.size(), config.size());
  EXPECT_EQ(clean.substr(0x100, 12), std::string("\x03\x00\x01\x00\0\0\0\0\0\0\0\0", 12));
}

}  // namespace
}  // namespace cli
