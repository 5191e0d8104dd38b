#include "cli/snapshot/archive_library.h"

#include <archive.h>
#include <archive_entry.h>

namespace cli {

base::LazyLibrary& ArchiveLibrary() {
  static base::LazyLibrary library("libarchive.so.13", "libarchive13");
  return library;
}

}  // namespace cli

// The functions of <archive.h> and <archive_entry.h> that we call.
// NOLINTBEGIN(bugprone-macro-parentheses): types and lists
#define FORWARD(...) FORWARD_TO(cli::ArchiveLibrary(), __VA_ARGS__)

FORWARD(archive*, archive_read_new, (), ())
FORWARD(int, archive_read_free, (archive * one), (one))
FORWARD(int, archive_read_support_format_tar, (archive * one), (one))
FORWARD(int, archive_read_support_filter_gzip, (archive * one), (one))
FORWARD(int, archive_read_support_filter_xz, (archive * one), (one))
FORWARD(int, archive_read_support_filter_zstd, (archive * one), (one))
FORWARD(int, archive_read_open_filename, (archive * one, const char* file, size_t block),
        (one, file, block))
FORWARD(int, archive_read_next_header, (archive * one, archive_entry** entry), (one, entry))
FORWARD(int, archive_read_data_block,
        (archive * one, const void** data, size_t* size, la_int64_t* offset),
        (one, data, size, offset))
FORWARD(archive*, archive_write_new, (), ())
FORWARD(int, archive_write_free, (archive * one), (one))
FORWARD(int, archive_write_set_format_pax_restricted, (archive * one), (one))
FORWARD(int, archive_write_add_filter_none, (archive * one), (one))
FORWARD(int, archive_write_add_filter_gzip, (archive * one), (one))
FORWARD(int, archive_write_add_filter_xz, (archive * one), (one))
FORWARD(int, archive_write_add_filter_zstd, (archive * one), (one))
FORWARD(int, archive_write_open_fd, (archive * one, int fd), (one, fd))
FORWARD(int, archive_write_header, (archive * one, archive_entry* entry), (one, entry))
FORWARD(la_ssize_t, archive_write_data, (archive * one, const void* data, size_t size),
        (one, data, size))
FORWARD(int, archive_write_close, (archive * one), (one))
FORWARD(const char*, archive_error_string, (archive * one), (one))
FORWARD(int, archive_errno, (archive * one), (one))
FORWARD(archive_entry*, archive_entry_new, (), ())
FORWARD(void, archive_entry_free, (archive_entry * entry), (entry))
FORWARD(const char*, archive_entry_pathname, (archive_entry * entry), (entry))
FORWARD(const char*, archive_entry_symlink, (archive_entry * entry), (entry))
FORWARD(__LA_MODE_T, archive_entry_filetype, (archive_entry * entry), (entry))
FORWARD(void, archive_entry_set_pathname, (archive_entry * entry, const char* path), (entry, path))
FORWARD(void, archive_entry_set_symlink, (archive_entry * entry, const char* target),
        (entry, target))
FORWARD(void, archive_entry_set_filetype, (archive_entry * entry, unsigned type), (entry, type))
FORWARD(void, archive_entry_set_perm, (archive_entry * entry, __LA_MODE_T mode), (entry, mode))
FORWARD(void, archive_entry_set_size, (archive_entry * entry, la_int64_t size), (entry, size))
// NOLINTEND(bugprone-macro-parentheses)
