#include "canopy/store/arrays.hpp"

#include "canopy/core/output_file.hpp"

#include "elements.hpp"

namespace canopy::store {
namespace {

/// Runs `action`; a failure of HDF5 becomes a DataError that names the file.
template <class Action>
auto naming(std::filesystem::path const& path, Action action) {
  silence_hdf5();
  try {
    return action();
  } catch (Hdf5Error const& e) {
    throw DataError{path.string() + ": " + e.what()};
  }
}

/// The same of what writes.
template <class Action>
auto writing(std::filesystem::path const& path, Action action) {
  return naming(path, [&] {
    try {
      return action();
    } catch (Hdf5Error const& e) {
      if (e.system.empty()) throw;
      throw cannot_write(path, e.system);
    }
  });
}

/// Some cluster file systems have no locks; a result file is worth more than a lock.
PropertiesHandle access_properties() {
  PropertiesHandle access{H5Pcreate(H5P_FILE_ACCESS), "make access properties"};
  checked(H5Pset_file_locking(access.get(), true, true), "set file locking");
  return access;
}

/// Groups (the root too) remember the order in which members and attributes were added.
template <class Properties>
PropertiesHandle ordered(Properties kind) {
  PropertiesHandle properties{H5Pcreate(kind), "make group properties"};
  auto const order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
  checked(H5Pset_link_creation_order(properties.get(), order), "keep the order of arrays");
  checked(H5Pset_attr_creation_order(properties.get(), order), "keep the order of attributes");
  return properties;
}

GroupHandle open_group(hid_t file, std::string const& group) {
  return {H5Gopen2(file, group.c_str(), H5P_DEFAULT), "open group '" + group + "'"};
}

/// False as well when a part of the path is missing, which H5Lexists alone calls an error.
bool exists(hid_t file, std::string const& group) {
  for (auto slash = group.find('/', 1);; slash = group.find('/', slash + 1)) {
    auto const part = group.substr(0, slash);
    if (part != "/" && H5Lexists(file, part.c_str(), H5P_DEFAULT) <= 0) return false;
    if (slash == std::string::npos) return true;
  }
}

/// Opens `group`, making what is missing of its path.
GroupHandle make_group(hid_t file, std::string const& group) {
  if (exists(file, group)) return open_group(file, group);
  auto const parent = group.substr(0, group.rfind('/'));
  if (!parent.empty()) make_group(file, parent);
  return {
      H5Gcreate2(file, group.c_str(), H5P_DEFAULT, ordered(H5P_GROUP_CREATE).get(), H5P_DEFAULT),
      "make group '" + group + "'"};
}

unsigned order_flags(hid_t group, bool of_links) {
  PropertiesHandle const made{H5Gget_create_plist(group), "get group properties"};
  unsigned flags = 0;
  checked(of_links ? H5Pget_link_creation_order(made.get(), &flags)
                   : H5Pget_attr_creation_order(made.get(), &flags),
          "get group properties");
  return flags;
}

H5_index_t index_of(hid_t group, bool of_links) {
  return (order_flags(group, of_links) & H5P_CRT_ORDER_TRACKED) != 0 ? H5_INDEX_CRT_ORDER
                                                                     : H5_INDEX_NAME;
}

using Names = std::vector<std::string>;

Names members(hid_t group, H5O_type_t wanted) {
  auto const add = [](hid_t, char const* name, H5L_info_t const*, void* names) -> herr_t {
    static_cast<Names*>(names)->emplace_back(name);
    return 0;
  };
  Names all;
  checked(H5Literate(group, index_of(group, true), H5_ITER_INC, nullptr, add, &all),
          "list a group");
  std::erase_if(all, [&](std::string const& name) {
    H5O_info_t info;
    return H5Oget_info_by_name2(group, name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0 ||
           info.type != wanted;
  });
  return all;
}

Names attribute_names(hid_t group) {
  auto const add = [](hid_t, char const* name, H5A_info_t const*, void* names) -> herr_t {
    static_cast<Names*>(names)->emplace_back(name);
    return 0;
  };
  Names names;
  checked(H5Aiterate2(group, index_of(group, false), H5_ITER_INC, nullptr, add, &names),
          "list attributes");
  return names;
}

void read_attributes_into(NamedArrays& result, hid_t group) {
  for (auto const& name : attribute_names(group))
    result.set_attribute(name, read_attribute(group, name));
}

void check_exists(std::filesystem::path const& path) {
  if (!std::filesystem::exists(path)) throw DataError{path.string() + ": there is no such file"};
  if (!std::filesystem::is_regular_file(path))
    throw DataError{path.string() + ": is not a file, expected an HDF5 file"};
}

}  // namespace

File File::create(std::filesystem::path const& path, std::filesystem::path name) {
  if (name.empty()) name = path;
  return writing(name, [&] {
    auto const access = access_properties();
    return File{FileHandle{H5Fcreate(path.c_str(), H5F_ACC_TRUNC, ordered(H5P_FILE_CREATE).get(),
                                     access.get()),
                           "create the file"},
                name};
  });
}

File File::open_read(std::filesystem::path const& path) {
  check_exists(path);
  return naming(path, [&] {
    auto const access = access_properties();
    return File{FileHandle{H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()),
                           "open it as an HDF5 file; is it one, and complete?"},
                path};
  });
}

void File::write(std::string const& group, NamedArrays const& arrays) {
  writing(path_, [&] {
    auto const handle = make_group(handle_.get(), group);
    for (auto const& [name, value] : arrays.attributes())
      write_attribute(handle.get(), name, value);
    for (auto const& [name, array] : arrays.arrays()) write_dataset(handle.get(), name, array);
  });
}

void File::set_attribute(std::string const& group, std::string const& name,
                         NamedArrays::Attribute const& value) {
  writing(path_, [&] { write_attribute(make_group(handle_.get(), group).get(), name, value); });
}

NamedArrays File::read(std::string const& group) const {
  return naming(path_, [&] {
    auto const handle = open_group(handle_.get(), group);
    NamedArrays result;
    read_attributes_into(result, handle.get());
    for (auto const& name : members(handle.get(), H5O_TYPE_DATASET)) {
      auto array = read_dataset(handle.get(), name);
      result.put(name, std::move(array.data), std::move(array.shape));
    }
    return result;
  });
}

NamedArrays File::read_attributes(std::string const& group) const {
  return naming(path_, [&] {
    NamedArrays result;
    read_attributes_into(result, open_group(handle_.get(), group).get());
    return result;
  });
}

Array File::read_array(std::string const& group, std::string const& name) const {
  return naming(path_, [&] { return read_dataset(open_group(handle_.get(), group).get(), name); });
}

Array File::read_rows(std::string const& group, std::string const& name, std::int64_t first,
                      std::int64_t number) const {
  return naming(path_, [&] {
    return read_dataset_rows(open_group(handle_.get(), group).get(), name, first, number);
  });
}

std::vector<std::int64_t> File::shape(std::string const& group, std::string const& name) const {
  return naming(path_, [&] { return dataset_shape(open_group(handle_.get(), group).get(), name); });
}

bool File::has_group(std::string const& group) const {
  return naming(path_, [&] {
    if (!exists(handle_.get(), group)) return false;
    H5O_info_t info;
    checked(H5Oget_info_by_name2(handle_.get(), group.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT),
            "look up '" + group + "'");
    return info.type == H5O_TYPE_GROUP;
  });
}

Names File::array_names(std::string const& group) const {
  return naming(path_,
                [&] { return members(open_group(handle_.get(), group).get(), H5O_TYPE_DATASET); });
}

Names File::group_names(std::string const& group) const {
  return naming(path_,
                [&] { return members(open_group(handle_.get(), group).get(), H5O_TYPE_GROUP); });
}

void File::close() {
  writing(path_, [&] { handle_.close("write the file to its end; is the disk full?"); });
}

}  // namespace canopy::store
