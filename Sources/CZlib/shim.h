// zlib as the target RoostDeflate sees it. The functions that begin a stream are macros (they pass
// the version of the header along), which Swift cannot call, so each has a wrapper here. All of them
// speak raw deflate, without the zlib header and checksum: RFC 7692 7.2.1.

#ifndef ROOST_CZLIB_SHIM_H
#define ROOST_CZLIB_SHIM_H

#include <zlib.h>

// `window_bits` is 9...15; the negative sign that asks zlib for raw deflate is added here.
static inline int roost_deflate_init(z_stream *stream, int level, int window_bits, int memory_level) {
  return deflateInit2(
      stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

static inline int roost_inflate_init(z_stream *stream, int window_bits) {
  return inflateInit2(stream, -window_bits);
}

// Makes ready for another deflate stream whose back references may still reach into what was
// inflated before: inflateReset would forget that window. Needed after a block marked as the last.
static inline int roost_inflate_continue(z_stream *stream) { return inflateResetKeep(stream); }

#endif
