#include "vmm/guest/decompress.h"

#include <gmock/gmock.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <random>

#include "tests/support/kernel_files.h"
#include "tests/support/matchers.h"

namespace vmm::guest {
namespace {

using base::Code;
using test::Bytes;
using test::FailsWith;
using test::IsOkAnd;
using testing::HasSubstr;

constexpr size_t kLimit = 4 << 20;

// Long enough that the output grows, half of it incompressible.
Bytes Sample() {
  Bytes bytes(700000);
  std::mt19937 random(1);
  for (size_t index = 0; index < bytes.size() / 2; ++index) {
    bytes[index] = static_cast<std::byte>(random());
  }
  return bytes;
}

Bytes Xz(const Bytes& from) {
  Bytes to(from.size() + 4096);
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, nullptr,
                                    reinterpret_cast<const uint8_t*>(from.data()), from.size(),
                                    reinterpret_cast<uint8_t*>(to.data()), &size, to.size()),
            LZMA_OK);
  to.resize(size);
  return to;
}

Bytes Gzip(const Bytes& from) {
  Bytes to(from.size() + 4096);
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(from.data()));
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = reinterpret_cast<Bytef*>(to.data());
  stream.avail_out = static_cast<uInt>(to.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  to.resize(stream.total_out);
  deflateEnd(&stream);
  return to;
}

Bytes Zstd(const Bytes& from) {
  Bytes to(from.size() + 4096);
  to.resize(ZSTD_compress(to.data(), to.size(), from.data(), from.size(), 1));
  return to;
}

struct Format {
  const char* name;
  Bytes (*compress)(const Bytes&);
};
void PrintTo(const Format& format, std::ostream* out) { *out << format.name; }

class DecompressFormat : public testing::TestWithParam<Format> {};

TEST_P(DecompressFormat, RefusesTruncatedData) {
  const Bytes data = GetParam().compress(Sample());
  for (size_t size = 6; size < data.size(); size = size < 200 ? size + 1 : size * 2) {
    EXPECT_THAT(Decompress(std::span(data).first(size), kLimit),
                FailsWith(Code::kUsage, HasSubstr(GetParam().name)))
        << size;
  }
}

TEST_P(DecompressFormat, StopsAtTheLimit) {
  const Bytes data = GetParam().compress(Sample());
  EXPECT_THAT(Decompress(data, Sample().size() - 1), FailsWith(Code::kUsage, HasSubstr("larger")));
  EXPECT_THAT(Decompress(data, 1000), FailsWith(Code::kUsage, HasSubstr("larger")));
}

TEST_P(DecompressFormat, GivesTheBytesBack) {
  EXPECT_TRUE(*Decompress(GetParam().compress(Sample()), kLimit) == Sample());
  EXPECT_THAT(Decompress(GetParam().compress({}), kLimit), IsOkAnd(Bytes()));
}

TEST_P(DecompressFormat, SurvivesDamagedData) {
  Bytes sample = Sample();
  sample.resize(3000);
  const Bytes data = GetParam().compress(sample);
  test::ForDamaged(data, data.size(), 1000, [](const Bytes& damaged) {
    const auto bytes = Decompress(damaged, kLimit);
    EXPECT_TRUE(!bytes || bytes->size() <= kLimit);
  });
}

INSTANTIATE_TEST_SUITE_P(All, DecompressFormat,
                         testing::Values(Format{"xz", Xz}, Format{"gzip", Gzip},
                                         Format{"zstd", Zstd}),
                         [](const auto& format) { return std::string(format.param.name); });

TEST(Decompress, LeavesPlainBytesAlone) {
  const Bytes plain = test::MakeElfKernel();
  EXPECT_THAT(Decompress(plain, kLimit), IsOkAnd(plain));
  EXPECT_THAT(Decompress({}, kLimit), IsOkAnd(Bytes()));
  EXPECT_THAT(Decompress(plain, plain.size() - 1), FailsWith(Code::kUsage));
}

}  // namespace
}  // namespace vmm::guest
