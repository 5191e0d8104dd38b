#include "vmm/guest/decompress.h"

#include <fmt/format.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "sysfs/base/address.h"
#include "vmm/guest/decompress_library.h"

namespace vmm::guest {
namespace {

using Bytes = std::vector<std::byte>;

constexpr uint64_t kMemoryLimit = 128 * base::kMiB;  // of a decoder; xz -9 takes 65 MiB
constexpr size_t kFirstSize = 256 * base::kKiB;

bool StartsWith(std::span<const std::byte> data, std::string_view magic) {
  return data.size() >= magic.size() &&
         std::ranges::equal(data.first(magic.size()), magic, [](std::byte byte, char c) {
           return byte == static_cast<std::byte>(c);
         });
}

base::Failure Damaged(std::string_view format, std::string_view why) {
  return base::Fail(base::Code::kUsage, fmt::format("damaged {} data: {}", format, why));
}

// The output, which doubles as it fills up.
class Output {
 public:
  explicit Output(size_t limit) : limit_(limit), bytes_(std::min(limit, kFirstSize)) {}

  std::span<std::byte> room() { return std::span(bytes_).subspan(used_); }
  void Use(size_t size) { used_ += size; }
  // False when the limit is reached.
  bool Grow() {
    if (used_ < bytes_.size()) return true;
    if (bytes_.size() >= limit_) return false;
    bytes_.resize(std::min(limit_, 2 * bytes_.size()));
    return true;
  }
  Bytes Take() {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  size_t limit_;
  size_t used_ = 0;
  Bytes bytes_;
};

base::Result<Bytes> DecompressXz(std::span<const std::byte> data, size_t limit) {
  TRY(LzmaLibrary().Load());
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kMemoryLimit, 0) != LZMA_OK) {
    return base::Fail(base::Code::kInternal, "xz: no decoder");
  }
  const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> end(&stream, lzma_end);
  stream.next_in = reinterpret_cast<const uint8_t*>(data.data());
  stream.avail_in = data.size();
  Output output(limit);
  while (output.Grow()) {
    const std::span<std::byte> room = output.room();
    stream.next_out = reinterpret_cast<uint8_t*>(room.data());
    stream.avail_out = room.size();
    const lzma_ret result = lzma_code(&stream, LZMA_FINISH);
    output.Use(room.size() - stream.avail_out);
    if (result == LZMA_STREAM_END) return output.Take();
    if (result != LZMA_OK) return Damaged("xz", fmt::format("code {}", static_cast<int>(result)));
  }
  return Damaged("xz", fmt::format("larger than {} bytes", limit));
}

base::Result<Bytes> DecompressGzip(std::span<const std::byte> data, size_t limit) {
  constexpr int kGzipWindow = 16 + 15;
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) {
    return base::Fail(base::Code::kInternal, "gzip: no decoder");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
  stream.avail_in = static_cast<uInt>(std::min<size_t>(data.size(), UINT32_MAX));
  Output output(limit);
  while (output.Grow()) {
    const std::span<std::byte> room = output.room();
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(std::min<size_t>(room.size(), UINT32_MAX));
    const uInt before = stream.avail_out;
    const int result = inflate(&stream, Z_NO_FLUSH);
    output.Use(before - stream.avail_out);
    if (result == Z_STREAM_END) return output.Take();
    if (result != Z_OK) return Damaged("gzip", stream.msg == nullptr ? "truncated" : stream.msg);
  }
  return Damaged("gzip", fmt::format("larger than {} bytes", limit));
}

base::Result<Bytes> DecompressZstd(std::span<const std::byte> data, size_t limit) {
  constexpr int kWindowLog = 27;  // 128 MiB
  TRY(ZstdLibrary().Load());
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                        ZSTD_freeDStream);
  if (stream == nullptr) return base::Fail(base::Code::kInternal, "zstd: no decoder");
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kWindowLog);
  ZSTD_inBuffer in{data.data(), data.size(), 0};
  Output output(limit);
  while (output.Grow()) {
    const std::span<std::byte> room = output.room();
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const size_t result = ZSTD_decompressStream(stream.get(), &out, &in);
    output.Use(out.pos);
    if (ZSTD_isError(result) != 0) return Damaged("zstd", ZSTD_getErrorName(result));
    if (result == 0) return output.Take();
    if (in.pos == in.size && out.pos < out.size) return Damaged("zstd", "truncated");
  }
  return Damaged("zstd", fmt::format("larger than {} bytes", limit));
}

}  // namespace

base::Result<Bytes> Decompress(std::span<const std::byte> data, size_t limit) {
  constexpr std::string_view kXz(
      "\xfd"
      "7zXZ\0",
      6);
  if (StartsWith(data, kXz)) return DecompressXz(data, limit);
  if (StartsWith(data, "\x1f\x8b")) return DecompressGzip(data, limit);
  if (StartsWith(data, "\x28\xb5\x2f\xfd")) return DecompressZstd(data, limit);
  if (data.size() > limit) {
    return base::Fail(base::Code::kUsage, fmt::format("larger than {} bytes", limit));
  }
  return Bytes(data.begin(), data.end());
}

}  // namespace vmm::guest
