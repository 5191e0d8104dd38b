#include "vmm/guest/decompress_library.h"

#include <lzma.h>
#include <zstd.h>

namespace vmm::guest {

base::LazyLibrary& LzmaLibrary() {
  static base::LazyLibrary library("liblzma.so.5", "liblzma5");
  return library;
}

base::LazyLibrary& ZstdLibrary() {
  static base::LazyLibrary library("libzstd.so.1", "libzstd1");
  return library;
}

}  // namespace vmm::guest

// The functions of <lzma.h> and <zstd.h> that we call.
// NOLINTBEGIN(bugprone-macro-parentheses): types and lists
#define FORWARD_LZMA(...) FORWARD_TO(vmm::guest::LzmaLibrary(), __VA_ARGS__)
#define FORWARD_ZSTD(...) FORWARD_TO(vmm::guest::ZstdLibrary(), __VA_ARGS__)

FORWARD_LZMA(lzma_ret, lzma_stream_decoder, (lzma_stream * stream, uint64_t memory, uint32_t flags),
             (stream, memory, flags))
FORWARD_LZMA(lzma_ret, lzma_code, (lzma_stream * stream, lzma_action action), (stream, action))
FORWARD_LZMA(void, lzma_end, (lzma_stream * stream), (stream))

FORWARD_ZSTD(ZSTD_DStream*, ZSTD_createDStream, (), ())
FORWARD_ZSTD(size_t, ZSTD_freeDStream, (ZSTD_DStream * stream), (stream))
FORWARD_ZSTD(size_t, ZSTD_DCtx_setParameter,
             (ZSTD_DCtx * context, ZSTD_dParameter parameter, int value),
             (context, parameter, value))
FORWARD_ZSTD(size_t, ZSTD_decompressStream,
             (ZSTD_DStream * stream, ZSTD_outBuffer* out, ZSTD_inBuffer* in), (stream, out, in))
FORWARD_ZSTD(unsigned, ZSTD_isError, (size_t result), (result))
FORWARD_ZSTD(const char*, ZSTD_getErrorName, (size_t result), (result))
// NOLINTEND(bugprone-macro-parentheses)
