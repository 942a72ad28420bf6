#include "canopy/store/hdf5.hpp"

#include <string_view>

namespace canopy::store {
namespace {

/// The walk begins where the error did; those further up only pass it on.
herr_t take_first(unsigned, H5E_error2_t const* entry, void* text) {
  auto& first = *static_cast<std::string*>(text);
  if (first.empty() && entry->desc != nullptr) first = entry->desc;
  return 0;
}

/// Of "..., errno = 28, error message = 'No space left on device', ...".
std::string system_reason(std::string const& text) {
  constexpr std::string_view before = "error message = '";
  auto const begin = text.find(before);
  if (begin == std::string::npos) return "";
  auto const from = begin + before.size();
  return text.substr(from, text.find('\'', from) - from);
}

}  // namespace

void silence_hdf5() {
  // Its own cleaning up at the end of the program crashes in 1.10 when a file could not be closed,
  // as on a full disk. There is nothing left to clean: every handle has an owner.
  [[maybe_unused]] static auto const once = H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

void throw_hdf5_error(std::string const& action) {
  std::string why;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &why);
  H5Eclear2(H5E_DEFAULT);
  auto const system = system_reason(why);
  if (!system.empty()) why = system;
  throw Hdf5Error{"cannot " + action + " (HDF5: " + (why.empty() ? "no reason given" : why) + ")",
                  system};
}

}  // namespace canopy::store
