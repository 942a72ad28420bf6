#pragma once

#include <string>

#include "canopy/core/array.hpp"
#include "canopy/store/hdf5.hpp"

/// One array as one dataset, one attribute as one HDF5 attribute. Failures are Hdf5Error.
namespace canopy::store {

void write_dataset(hid_t group, std::string const& name, Array const& array);
Array read_dataset(hid_t group, std::string const& name);
/// Places first .. first+number-1 of the first dimension.
Array read_dataset_rows(hid_t group, std::string const& name, std::int64_t first,
                        std::int64_t number);
std::vector<std::int64_t> dataset_shape(hid_t group, std::string const& name);

void write_attribute(hid_t group, std::string const& name, NamedArrays::Attribute const& value);
NamedArrays::Attribute read_attribute(hid_t group, std::string const& name);

}  // namespace canopy::store
