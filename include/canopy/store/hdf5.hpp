#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <utility>

#include <hdf5.h>

/// HDF5's C interface with owners and exceptions. Other rooms use canopy/store/arrays.hpp.
namespace canopy::store {

/// A call of the HDF5 library failed; the text ends with its own account of where that began.
struct Hdf5Error : std::runtime_error {
  explicit Hdf5Error(std::string const& text, std::string system_reason = "")
      : std::runtime_error{text}, system{std::move(system_reason)} {}
  std::string system;  ///< the operating system's word, such as "No space left on device", or ""
};

/// Stops HDF5 from printing its errors to stderr: they travel as exceptions. Call it first.
void silence_hdf5();

/// Throws Hdf5Error "cannot <action> (HDF5: <what went wrong first>)".
[[noreturn]] void throw_hdf5_error(std::string const& action);

/// Passes on what an HDF5 call returned; negative means failure and becomes an Hdf5Error.
template <std::signed_integral Result>
Result checked(Result result, std::string const& action) {
  if (result < 0) throw_hdf5_error(action);
  return result;
}

/// Owns one HDF5 identifier and gives it back with `Close`. A move steals it.
template <herr_t (*Close)(hid_t)>
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, std::string const& action) : id_{checked(id, action)} {}
  Handle(Handle&& other) noexcept : id_{std::exchange(other.id_, H5I_INVALID_HID)} {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      release();
      id_ = std::exchange(other.id_, H5I_INVALID_HID);
    }
    return *this;
  }
  Handle(Handle const&) = delete;
  Handle& operator=(Handle const&) = delete;
  ~Handle() { release(); }

  hid_t get() const { return id_; }
  bool is_open() const { return id_ >= 0; }

  /// Gives it back and reports failure, such as a full disk, which the destructor cannot.
  void close(std::string const& action) {
    if (is_open()) checked(Close(std::exchange(id_, H5I_INVALID_HID)), action);
  }

 private:
  void release() noexcept {
    if (is_open()) Close(id_);
    id_ = H5I_INVALID_HID;
  }

  hid_t id_ = H5I_INVALID_HID;
};

using FileHandle = Handle<H5Fclose>;
using GroupHandle = Handle<H5Gclose>;
using DatasetHandle = Handle<H5Dclose>;
using AttributeHandle = Handle<H5Aclose>;
using SpaceHandle = Handle<H5Sclose>;
using TypeHandle = Handle<H5Tclose>;
using PropertiesHandle = Handle<H5Pclose>;

}  // namespace canopy::store
