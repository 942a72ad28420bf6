#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/store/hdf5.hpp"

namespace canopy::store {

/// An HDF5 file whose groups hold named arrays: one dataset per array, attributes on the group.
///
/// Element types and order survive a round trip; a one-dimensional dataset reads back with an empty
/// shape. Texts are variable-length UTF-8, as h5py writes them. Group paths are absolute: "/",
/// "/trials", "/model/tree0". Every failure is a DataError that names the file, but a UserError
/// when the system lets nothing be written there, as on a full disk.
class File {
 public:
  /// Makes a new file, in place of one that is there; messages call it `name`, or by its path. See
  /// write_atomically for files that count.
  static File create(std::filesystem::path const& path, std::filesystem::path name = {});
  static File open_read(std::filesystem::path const& path);

  /// Adds the arrays and attributes to `group`, made (with its parents) when it is not there.
  /// An array of the same name is an error, an attribute is replaced.
  void write(std::string const& group, NamedArrays const& arrays);
  void set_attribute(std::string const& group, std::string const& name,
                     NamedArrays::Attribute const& value);

  /// The arrays directly in `group` and its attributes, in the order in which they were written
  /// (by name in files of other programs).
  NamedArrays read(std::string const& group) const;
  /// The attributes alone: quick, however large the arrays.
  NamedArrays read_attributes(std::string const& group) const;
  Array read_array(std::string const& group, std::string const& name) const;
  /// Rows first .. first+number-1 of an array, without reading the others.
  Array read_rows(std::string const& group, std::string const& name, std::int64_t first,
                  std::int64_t number) const;
  /// Length in each dimension, one for a plain list.
  std::vector<std::int64_t> shape(std::string const& group, std::string const& name) const;

  bool has_group(std::string const& group) const;
  /// Names of the arrays, or of the groups, directly in `group`; same order as read().
  std::vector<std::string> array_names(std::string const& group) const;
  std::vector<std::string> group_names(std::string const& group = "/") const;

  /// Writes everything out and reports what went wrong; the destructor cannot.
  void close();

 private:
  File(FileHandle handle, std::filesystem::path path)
      : handle_{std::move(handle)}, path_{std::move(path)} {}

  FileHandle handle_;
  std::filesystem::path path_;
};

/// Calls `write` with a new file `path`.part, then syncs it to disk and renames it to `path`: at
/// any moment `path` is absent, the old file, or the complete new one. Makes the folder when it is
/// missing. Leaves no .part file behind when something throws.
void write_atomically(std::filesystem::path const& path, std::function<void(File&)> const& write);

}  // namespace canopy::store
