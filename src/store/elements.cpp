#include "elements.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include <zlib.h>

namespace canopy::store {
namespace {

std::size_t constexpr large = 64 * 1024;  // bytes from which chunks and compression are considered
std::size_t constexpr chunk_bytes = 1024 * 1024;  // HDF5's default chunk cache holds one

int constexpr level = 1;  // of gzip: the quickest

hid_t memory_type(std::vector<std::uint8_t> const&) {
  return H5T_NATIVE_UINT8;
}
hid_t memory_type(std::vector<std::uint16_t> const&) {
  return H5T_NATIVE_UINT16;
}
hid_t memory_type(std::vector<std::uint32_t> const&) {
  return H5T_NATIVE_UINT32;
}
hid_t memory_type(std::vector<std::int32_t> const&) {
  return H5T_NATIVE_INT32;
}
hid_t memory_type(std::vector<std::int64_t> const&) {
  return H5T_NATIVE_INT64;
}
hid_t memory_type(std::vector<float> const&) {
  return H5T_NATIVE_FLOAT;
}
hid_t memory_type(std::vector<double> const&) {
  return H5T_NATIVE_DOUBLE;
}

TypeHandle text_type() {
  TypeHandle type{H5Tcopy(H5T_C_S1), "make a text type"};
  checked(H5Tset_size(type.get(), H5T_VARIABLE), "make a text type");
  checked(H5Tset_cset(type.get(), H5T_CSET_UTF8), "make a text type");
  return type;
}

std::vector<hsize_t> extent_of(Array const& array) {
  if (array.shape.empty()) return {array.size()};
  std::vector<hsize_t> extent{array.shape.begin(), array.shape.end()};
  auto const product = std::accumulate(extent.begin(), extent.end(), hsize_t{1}, std::multiplies{});
  if (product != array.size())
    throw Hdf5Error{"cannot write an array of " + std::to_string(array.size()) +
                    " elements in a shape of " + std::to_string(product)};
  return extent;
}

SpaceHandle space_of(std::vector<hsize_t> const& extent) {
  return {H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
          "make a data space"};
}

/// Whether gzip, after HDF5's byte shuffle, takes three fifths off a sample from the middle. Less
/// is not worth the wait: a large model is read in a fifth of a second, or in a half.
template <class T>
bool compression_pays(std::vector<T> const& values) {
  auto const n = std::min(values.size(), large / sizeof(T));
  auto const* first = reinterpret_cast<Bytef const*>(values.data() + (values.size() - n) / 2);
  std::vector<Bytef> shuffled(n * sizeof(T));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t byte = 0; byte < sizeof(T); ++byte)
      shuffled[byte * n + i] = first[i * sizeof(T) + byte];
  auto size = compressBound(shuffled.size());
  std::vector<Bytef> packed(size);
  return compress2(packed.data(), &size, shuffled.data(), shuffled.size(), level) == Z_OK &&
         static_cast<double>(size) < 0.4 * static_cast<double>(shuffled.size());
}

/// Whole rows (the first dimension) up to about a megabyte make a chunk.
std::vector<hsize_t> chunk_of(std::vector<hsize_t> extent, std::size_t element_size) {
  auto const row_bytes =
      std::accumulate(extent.begin() + 1, extent.end(), hsize_t{element_size}, std::multiplies{});
  extent.front() = std::clamp<hsize_t>(chunk_bytes / row_bytes, 1, extent.front());
  return extent;
}

template <class T>
PropertiesHandle storage_of(std::vector<T> const& values, std::vector<hsize_t> const& extent) {
  PropertiesHandle storage{H5Pcreate(H5P_DATASET_CREATE), "make storage properties"};
  if (values.size() * sizeof(T) <= large || !compression_pays(values)) return storage;
  auto const chunk = chunk_of(extent, sizeof(T));
  checked(H5Pset_chunk(storage.get(), static_cast<int>(chunk.size()), chunk.data()), "set chunks");
  if constexpr (sizeof(T) > 1) checked(H5Pset_shuffle(storage.get()), "set shuffling");
  checked(H5Pset_deflate(storage.get(), level), "set compression");
  return storage;
}

DatasetHandle make_dataset(hid_t group, std::string const& name, hid_t type,
                           std::vector<hsize_t> const& extent, hid_t storage) {
  return {H5Dcreate2(group, name.c_str(), type, space_of(extent).get(), H5P_DEFAULT, storage,
                     H5P_DEFAULT),
          "make array '" + name + "'"};
}

template <class T>
void write_values(hid_t group, std::string const& name, std::vector<T> const& values,
                  std::vector<hsize_t> const& extent) {
  auto const type = memory_type(values);
  auto const action = "write array '" + name + "'";
  auto dataset = make_dataset(group, name, type, extent, storage_of(values, extent).get());
  if (!values.empty())
    checked(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), action);
  dataset.close(action);  // which is when compressed pieces are written
}

void write_values(hid_t group, std::string const& name, std::vector<std::string> const& words,
                  std::vector<hsize_t> const& extent) {
  auto const type = text_type();
  auto const dataset = make_dataset(group, name, type.get(), extent, H5P_DEFAULT);
  std::vector<char const*> pointers;
  for (auto const& word : words) pointers.push_back(word.c_str());
  if (!words.empty())
    checked(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()),
            "write array '" + name + "'");
}

/// `read` fills a buffer of H5Dread or H5Aread; both kinds of texts come out as std::string.
template <class Read>
std::vector<std::string> read_texts(hid_t file_type, hid_t space, std::size_t count, Read read) {
  std::vector<std::string> words(count);
  if (count == 0) return words;
  if (H5Tis_variable_str(file_type) > 0) {
    TypeHandle const type{H5Tcopy(file_type), "copy a text type"};  // keeps its character set
    std::vector<char*> pointers(count, nullptr);
    read(type.get(), pointers.data());
    for (std::size_t i = 0; i < count; ++i)
      if (pointers[i] != nullptr) words[i] = pointers[i];
    H5Dvlen_reclaim(type.get(), space, H5P_DEFAULT, pointers.data());
  } else {
    auto const width = H5Tget_size(file_type);
    std::vector<char> buffer(count * width);
    read(file_type, buffer.data());
    for (std::size_t i = 0; i < count; ++i) {
      auto const* word = buffer.data() + i * width;
      words[i].assign(word, strnlen(word, width));
    }
  }
  return words;
}

/// The narrowest of Array's types that holds every value of an HDF5 type.
Array::Data empty_for(hid_t type) {
  auto const size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return std::vector<std::string>{};
    case H5T_FLOAT:
      if (size <= 4) return std::vector<float>{};
      if (size == 8) return std::vector<double>{};
      break;
    case H5T_INTEGER:
      if (H5Tget_sign(type) == H5T_SGN_NONE) {
        if (size == 1) return std::vector<std::uint8_t>{};
        if (size == 2) return std::vector<std::uint16_t>{};
        if (size == 4) return std::vector<std::uint32_t>{};
      } else {
        if (size <= 4) return std::vector<std::int32_t>{};
        if (size == 8) return std::vector<std::int64_t>{};
      }
      break;
    default:
      break;
  }
  throw Hdf5Error{
      "its element type is not one Canopy reads (integers, except unsigned 64-bit, "
      "float, double, text); convert it first"};
}

/// A damaged or hostile header may declare any size: gzip shrinks at most about 1032 times.
void check_size(hid_t dataset, hssize_t count, std::size_t element_size) {
  auto const stored = static_cast<double>(H5Dget_storage_size(dataset));
  if (static_cast<double>(count) * static_cast<double>(element_size) > 1100 * stored + large)
    throw Hdf5Error{"it declares " + std::to_string(count) +
                    " elements but the file holds far less"};
}

std::vector<hsize_t> dims_of(hid_t space) {
  auto const rank = checked(H5Sget_simple_extent_ndims(space), "get a shape");
  std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
  checked(H5Sget_simple_extent_dims(space, extent.data(), nullptr), "get a shape");
  return extent;
}

/// The part of a dataset that is read, and its form in memory.
struct Selection {
  SpaceHandle in_file;
  SpaceHandle in_memory;
  std::vector<std::int64_t> shape;  ///< as in Array
  std::size_t count;
};

std::vector<std::int64_t> array_shape(std::vector<hsize_t> const& dims) {
  if (dims.size() <= 1) return {};
  return {dims.begin(), dims.end()};
}

Selection select_all(hid_t dataset) {
  SpaceHandle space{H5Dget_space(dataset), "get its data space"};
  auto shape = array_shape(dims_of(space.get()));
  auto const count = checked(H5Sget_simple_extent_npoints(space.get()), "get its size");
  SpaceHandle memory{H5Scopy(space.get()), "copy its data space"};
  return {std::move(space), std::move(memory), std::move(shape), static_cast<std::size_t>(count)};
}

/// Places first .. first+number-1 of the first dimension.
Selection select_rows(hid_t dataset, std::int64_t first, std::int64_t number) {
  SpaceHandle space{H5Dget_space(dataset), "get its data space"};
  auto dims = dims_of(space.get());
  if (dims.empty() || first < 0 || number < 0 ||
      static_cast<hsize_t>(first) + static_cast<hsize_t>(number) > dims[0])
    throw Hdf5Error{"it has no rows " + std::to_string(first) + " to " +
                    std::to_string(first + number)};
  std::vector<hsize_t> start(dims.size());
  start[0] = static_cast<hsize_t>(first);
  dims[0] = static_cast<hsize_t>(number);
  checked(
      H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, dims.data(), nullptr),
      "select rows");
  auto const count = std::accumulate(dims.begin(), dims.end(), hsize_t{1}, std::multiplies{});
  return {std::move(space), space_of(dims), array_shape(dims), count};
}

Array read_selection(hid_t dataset, Selection selection) {
  TypeHandle const type{H5Dget_type(dataset), "get its type"};
  auto const read = [&](hid_t memory, void* buffer) {
    checked(H5Dread(dataset, memory, selection.in_memory.get(), selection.in_file.get(),
                    H5P_DEFAULT, buffer),
            "read it");
  };
  Array array{empty_for(type.get()), std::move(selection.shape)};
  auto const n = selection.count;
  auto const fill = [&]<class T>(std::vector<T>& values) {
    if constexpr (std::is_same_v<T, std::string>) {
      values = read_texts(type.get(), selection.in_memory.get(), n, read);
    } else {
      values.resize(n);
      if (n > 0) read(memory_type(values), values.data());
    }
  };
  std::visit(fill, array.data);
  return array;
}

/// Opens the dataset, makes sure that it is as large as it says, and calls `read` with it.
template <class Read>
auto with_dataset(hid_t group, std::string const& name, Read read) {
  DatasetHandle const dataset{H5Dopen2(group, name.c_str(), H5P_DEFAULT),
                              "open array '" + name + "'"};
  try {
    SpaceHandle const space{H5Dget_space(dataset.get()), "get its data space"};
    TypeHandle const type{H5Dget_type(dataset.get()), "get its type"};
    auto const count = checked(H5Sget_simple_extent_npoints(space.get()), "get its size");
    check_size(dataset.get(), count, H5Tget_size(type.get()));
    return read(dataset.get());
  } catch (Hdf5Error const& e) {
    throw Hdf5Error{"array '" + name + "': " + e.what()};
  }
}

}  // namespace

void write_dataset(hid_t group, std::string const& name, Array const& array) {
  auto const extent = extent_of(array);
  std::visit([&](auto const& values) { write_values(group, name, values, extent); }, array.data);
}

Array read_dataset(hid_t group, std::string const& name) {
  return with_dataset(group, name,
                      [](hid_t dataset) { return read_selection(dataset, select_all(dataset)); });
}

Array read_dataset_rows(hid_t group, std::string const& name, std::int64_t first,
                        std::int64_t number) {
  return with_dataset(group, name, [&](hid_t dataset) {
    return read_selection(dataset, select_rows(dataset, first, number));
  });
}

std::vector<std::int64_t> dataset_shape(hid_t group, std::string const& name) {
  return with_dataset(group, name, [](hid_t dataset) {
    SpaceHandle const space{H5Dget_space(dataset), "get its data space"};
    auto const dims = dims_of(space.get());
    return std::vector<std::int64_t>{dims.begin(), dims.end()};
  });
}

void write_attribute(hid_t group, std::string const& name, NamedArrays::Attribute const& value) {
  auto const action = "write attribute '" + name + "'";
  if (checked(H5Aexists(group, name.c_str()), action) > 0)
    checked(H5Adelete(group, name.c_str()), action);
  SpaceHandle const space{H5Screate(H5S_SCALAR), action};
  auto const write = [&](hid_t type, void const* data) {
    AttributeHandle const attribute{
        H5Acreate2(group, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), action};
    checked(H5Awrite(attribute.get(), type, data), action);
  };
  if (auto const* number = std::get_if<std::int64_t>(&value)) {
    write(H5T_NATIVE_INT64, number);
  } else if (auto const* real = std::get_if<double>(&value)) {
    write(H5T_NATIVE_DOUBLE, real);
  } else {
    auto const* words = std::get<std::string>(value).c_str();
    write(text_type().get(), &words);
  }
}

NamedArrays::Attribute read_attribute(hid_t group, std::string const& name) {
  auto const action = "read attribute '" + name + "'";
  AttributeHandle const attribute{H5Aopen(group, name.c_str(), H5P_DEFAULT), action};
  TypeHandle const type{H5Aget_type(attribute.get()), action};
  SpaceHandle const space{H5Aget_space(attribute.get()), action};
  if (H5Sget_simple_extent_npoints(space.get()) != 1)
    throw Hdf5Error{"attribute '" + name + "' is not a single value"};
  auto const read = [&](hid_t memory, void* buffer) {
    checked(H5Aread(attribute.get(), memory, buffer), action);
  };
  auto const take = [&]<class T>(T value, hid_t memory) -> NamedArrays::Attribute {
    read(memory, &value);
    return value;
  };
  switch (H5Tget_class(type.get())) {
    case H5T_INTEGER:
      return take(std::int64_t{}, H5T_NATIVE_INT64);
    case H5T_FLOAT:
      return take(double{}, H5T_NATIVE_DOUBLE);
    case H5T_STRING:
      return read_texts(type.get(), space.get(), 1, read).front();
    default:
      throw Hdf5Error{"attribute '" + name + "' is neither a number nor text"};
  }
}

}  // namespace canopy::store
